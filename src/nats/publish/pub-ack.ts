import type { Msg } from 'nats';
import { apiErrors } from '../error-codes.js';

/** JetStream's word that the publication is stored. */
export interface PubAck {
  seq: number;
  /** It was stored before, and this publish changed nothing. */
  duplicate: boolean;
}

/** The answer of JetStream to a publish. */
export type PubAckAnswer =
  /** `seq` is above 0. A duplicate may be one of a message that the stream no longer holds. */
  | { kind: 'stored'; stream: string; seq: number; duplicate: boolean }
  /** Not stored for now: the same publish may succeed later. */
  | { kind: 'try-again'; reason: string }
  /** Not stored for a reason that lasts, until an operator changes something or the stream has room. */
  | { kind: 'refused'; reason: string; scope: RefusalScope }
  /** Never stored as it is, whenever it is tried. */
  | { kind: 'rejected'; reason: string };

/**
 * The scope of a refusal: this subject alone, by the server's words; the whole stream; or unclear until
 * others are stored or refused.
 */
export type RefusalScope = 'subject' | 'stream' | 'unclear';

interface PubAckJson {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code?: number; err_code?: number; description?: string };
}

/** There is no such stream, or nobody leads it just now. */
export const noStream = 'no stream takes this subject at the moment';

/**
 * nats-server 2.10 says so of an id that its leader has proposed to the replicas and that they have not
 * agreed on: it may be stored later, or never.
 */
export const notCommitted = 'the server takes it for a duplicate of a message that is not stored';

/** The limit of the stream, in the words of a message that is not stored. */
const perSubject = /per subject/;
/**
 * `streamNotMatch`: the subject belongs to another stream. Everything else here is a limit of the stream, the
 * account or the disk.
 */
const refusals: ReadonlyMap<number, RefusalScope> = new Map([
  [apiErrors.streamNotMatch, 'unclear'],
  [apiErrors.streamStoreFailed, 'stream'],
  [apiErrors.accountResourcesExceeded, 'stream'],
  [apiErrors.insufficientResources, 'stream'],
  [apiErrors.memoryResourcesExceeded, 'stream'],
  [apiErrors.storageResourcesExceeded, 'stream'],
  [apiErrors.streamSealed, 'stream'],
]);

/**
 * Reads the reply to a publish. Whatever is not understood is to be tried again: an unknown answer is no
 * promise. Sources: ADR-22 (no responders), the JetStream API error table.
 */
export function readPubAck(message: Msg): PubAckAnswer {
  if (message.data.length === 0) return { kind: 'try-again', reason: noStream };
  let answer: PubAckJson;
  try {
    answer = message.json<PubAckJson | null>() ?? {};
  } catch {
    return { kind: 'try-again', reason: 'the reply is not a PubAck' };
  }
  if (answer.error) {
    const { err_code, description = 'no description' } = answer.error;
    const reason = `${description} (${err_code ?? 'no code'})`;
    const scope = refusals.get(err_code ?? 0);
    if (scope === undefined)
      return { kind: err_code === apiErrors.messageTooLarge ? 'rejected' : 'try-again', reason };
    const isPerSubject = err_code === apiErrors.streamStoreFailed && perSubject.test(description);
    return { kind: 'refused', reason, scope: isPerSubject ? 'subject' : scope };
  }
  if (answer.seq === 0 && answer.duplicate === true) return { kind: 'try-again', reason: notCommitted };
  if (!answer.stream || !Number.isSafeInteger(answer.seq) || Number(answer.seq) <= 0) {
    return { kind: 'try-again', reason: 'the reply is not a PubAck' };
  }
  const { stream, seq = 0, duplicate } = answer;
  return { kind: 'stored', stream, seq, duplicate: duplicate === true };
}
