import { readDeadLetterHeaders, type DeadLetterFacts, type DeadLetterHeaders } from '../event/dead-letter.js';
import { deadLetterFilter, streamNames } from '../event/layout.js';
import type { StoredMessage, StreamReader } from '../nats/streams/reader.js';

/** A dead letter as VOD_DEAD_LETTERS holds it. */
export interface StoredDeadLetter extends DeadLetterFacts {
  /** Its number for people: its sequence in the stream. */
  readonly id: number;
  readonly subject: string;
  readonly headers: DeadLetterHeaders;
  /** As received, byte for byte. */
  readonly body: Uint8Array;
}

export interface DeadLetterQuery {
  /** The subject prefix. */
  prefix: string;
  queue?: string | undefined;
  code?: string | undefined;
  /** Those that are marked done, in place of the open ones. */
  done?: boolean | undefined;
  /** The first id of interest. */
  fromId?: number | undefined;
  /** Epoch milliseconds: what became a dead letter earlier may be left out. */
  sinceMs?: number | undefined;
}

/** The dead letters of a stream, oldest id first, in constant memory. Throws as StreamReader does. */
export async function* readDeadLetters(
  reader: Pick<StreamReader, 'read'>,
  { prefix, queue, code, done = false, fromId, sinceMs }: DeadLetterQuery,
  signal: AbortSignal,
): AsyncGenerator<StoredDeadLetter, void, undefined> {
  const options = {
    stream: streamNames(prefix).deadLetters,
    filterSubject: deadLetterFilter(prefix, { queue, code, done }),
    ...(fromId !== undefined && { startSeq: fromId }),
    ...(sinceMs !== undefined && { startTimeMs: sinceMs }),
  };
  for await (const message of reader.read(options, signal)) yield toDeadLetter(message);
}

/** The dead letter of this id, open or done. @returns undefined when there is none. */
export async function findDeadLetter(
  reader: Pick<StreamReader, 'get'>,
  prefix: string,
  id: number,
  signal: AbortSignal,
): Promise<StoredDeadLetter | undefined> {
  const message = await reader.get(streamNames(prefix).deadLetters, id, signal);
  return message && toDeadLetter(message);
}

function toDeadLetter({ seq, subject, storedAtMs, headers, body }: StoredMessage): StoredDeadLetter {
  return { ...readDeadLetterHeaders(headers, storedAtMs), id: seq, subject, headers, body };
}
