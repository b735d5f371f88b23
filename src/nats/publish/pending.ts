import { headers as createHeaders, type MsgHdrs } from 'nats';
import type { RefusalScope } from './pub-ack.js';
import type { StreamLane } from './lane.js';

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

/** JetStream's word that the publication is stored. */
export interface PubAck {
  seq: number;
  /** It was stored before, and this publish changed nothing. */
  duplicate: boolean;
}

/** Why a publication was refused, and since when (monotonic). */
export interface Refusal {
  reason: string;
  scope: RefusalScope;
  readonly sinceMs: number;
  /** What its lane had stored and refused by then, and how often it was refused itself. */
  readonly stored: number;
  readonly refused: number;
  own: number;
}

export type OnTryAgain = (reason: string) => void;

/** A publication that waits for its PubAck. Times are monotonic. */
export interface Pending {
  readonly id: string;
  readonly lane: StreamLane;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: MsgHdrs;
  /** Told each reason for trying again. */
  readonly onTryAgain: OnTryAgain | undefined;
  readonly resolve: (ack: PubAck) => void;
  readonly reject: (error: unknown) => void;
  /** Takes back what it asked of others. */
  readonly forget: () => void;
  tries: number;
  /** The last write into this connection, for the outlet; 0 before the first. */
  write: number;
  firstSentMs: number;
  /** When the next try is due, or the PubAck is overdue. */
  dueMs: number;
  refusal: Refusal | undefined;
  /** Why the last try has to be followed by another. */
  reason: string | undefined;
  /** It has a place in the window of its lane. */
  hasPlace: boolean;
}

/** A publication before its first try, which holds a place in the window. The body is held once, as it is sent. */
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
