import { decodeBody } from '../decode/decode-body.js';
import { decodeMessage, illegalCharacters, notUtf8, type DecodedMessage } from '../decode/decode-message.js';
import { readDeadLetterHeaders, type DeadLetterFacts, type DeadLetterHeaders } from '../event/dead-letter.js';
import { followUpCodes } from '../event/dead-letter-code.js';
import { readFailedFollowUp } from '../event/follow-up-event.js';
import type { FollowUp } from '../event/follow-up.js';
import { deadLetterFilter, streamNames } from '../event/layout.js';
import type { VodEvent } from '../event/vod-event.js';
import type { StoredMessage, StreamReader } from '../nats/streams/reader.js';
import { bodyOfDamaged } from '../receive/mns-messages.js';
import { filtersEvents, selects, type Selection } from './selection.js';

/** A dead letter as VOD_DEAD_LETTERS holds it. */
export interface StoredDeadLetter extends DeadLetterFacts {
  /** What people call it by: its sequence number in the stream. */
  readonly id: number;
  readonly subject: string;
  readonly headers: DeadLetterHeaders;
  /** As received, byte for byte. */
  readonly body: Uint8Array;
}

/** What a dead letter is today. The event of a follow-up has no more than a follow-up knows. */
export type DecodedDeadLetter =
  | DecodedMessage
  | { readonly kind: 'follow-up'; readonly followUp: FollowUp; readonly event: VodEvent }
  /** One of the follow-up half whose body is no event of ours: no decoder reads it. */
  | { readonly kind: 'unreadable-follow-up' };

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

/**
 * Decodes the bytes again, as the relay would today; of a failed follow-up, reads what it was about. Never throws. Whether a foreign event may be published is for
 * the configuration to say.
 */
export function decodeDeadLetter({
  form,
  code,
  at,
  body,
}: Pick<StoredDeadLetter, 'form' | 'code' | 'at' | 'body'>): DecodedDeadLetter {
  if (form === 'xml-text') return illegalCharacters;
  if (form === 'message-xml') return decodeKeptMessage(at, body);
  const text = utf8Text(body);
  if (Object.hasOwn(followUpCodes, code)) return decodeFollowUp(text ?? '');
  return text === undefined ? notUtf8 : decodeBody(text);
}

/** Whether the selection means this dead letter. It is decoded only when a filter asks for what the event says. */
export function selectsDeadLetter(selection: Selection, letter: StoredDeadLetter): boolean {
  const { timeMs, queue, code } = letter;
  const facts = { timeMs, queue, code };
  if (!filtersEvents(selection)) return selects(selection, facts);
  const decoded = decodeDeadLetter(letter);
  return 'event' in decoded && selects(selection, { ...facts, event: decoded.event });
}

/** Of a message that is damaged elsewhere, what its body says: nothing else of it makes the event. */
function decodeKeptMessage(at: string, xml: Uint8Array): DecodedMessage {
  const item = bodyOfDamaged(xml);
  if (!item) return decodeMessage({ body: '', damaged: false, damage: { at } });
  const { bodyBytes, damaged, fields } = item;
  return decodeMessage({ body: fields['MessageBody'] ?? '', ...(bodyBytes && { bodyBytes }), damaged });
}

function decodeFollowUp(text: string): DecodedDeadLetter {
  const followUp = readFailedFollowUp(text);
  if (!followUp) return { kind: 'unreadable-follow-up' };
  const { eventTime, status, mediaType, deleteType, mediaId } = followUp;
  const facts = { eventTime, status, mediaType, deleteType, mediaId, jobIds: [], extra: {} };
  return { kind: 'follow-up', followUp, event: { kind: 'delete-media-complete', ...facts } };
}

function toDeadLetter({ seq, subject, storedAtMs, headers, body }: StoredMessage): StoredDeadLetter {
  return { ...readDeadLetterHeaders(headers, storedAtMs), id: seq, subject, headers, body };
}

function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    // The decoder takes a byte order mark away itself.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
