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

/** The first value of each header. */
export function plainHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  return Object.fromEntries([...(headers ?? [])].map(([name, [value]]) => [name, value ?? '']));
}
