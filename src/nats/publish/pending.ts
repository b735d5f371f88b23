import { headers as createHeaders } from 'nats';
import type { Pending } from './lane.js';

/** One message to store in a stream. */
export interface Publication {
  /** Safe tokens only: the client library does not check subjects. */
  subject: string;
  /** The stream that has to store it; another stream that listens to the subject is refused. */
  stream: string;
  /** `Nats-Msg-Id`: the stream stores one message of an id within its duplicate window. */
  msgId: string;
  body: string | Uint8Array;
  headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds: not stored before. Only where the subject is one media's. */
  happenedAtMs?: number;
}

/**
 * A publication before its first try, which holds a place in the window. The body is held once, as it is
 * sent.
 */
export function toPending(
  { subject, stream, msgId, body, headers }: Publication,
  part: Pick<Pending, 'id' | 'lane' | 'onTryAgain' | 'resolve' | 'reject' | 'forget'>,
): Pending {
  const all = createHeaders();
  all.set('Nats-Msg-Id', msgId);
  all.set('Nats-Expected-Stream', stream);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return {
    ...part,
    subject,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    headers: all,
    tries: 0,
    write: 0,
    firstSentMs: 0,
    dueMs: 0,
    refusal: undefined,
    reason: undefined,
    hasPlace: true,
  };
}
