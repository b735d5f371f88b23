import type { MsgHdrs } from 'nats';

/** A message as its stream keeps it. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  /** When it was stored, epoch milliseconds. */
  readonly storedAtMs: number;
  /** The first value of each header. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * The first value of each header that `read` gives; none when they are malformed. The client library decodes
 * headers when they are read, and throws for such as a server stores nevertheless, which would end its
 * connection.
 */
export function plainHeaders(read: () => MsgHdrs | undefined): Record<string, string> {
  try {
    return Object.fromEntries([...(read() ?? [])].map(([name, [value]]) => [name, value ?? '']));
  } catch {
    return {};
  }
}
