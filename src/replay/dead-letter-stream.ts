import { decodeBody } from '../decode/decode-body.js';
import { decodeMessage, illegalCharacters, notUtf8, type DecodedMessage } from '../decode/decode-message.js';
import { followUpCodes } from '../event/dead-letter-code.js';
import { readFailedFollowUp } from '../event/follow-up-event.js';
import type { FollowUp } from '../event/follow-up.js';
import { deadLetterFilter, streamNames } from '../event/layout.js';
import type { VodEvent } from '../event/vod-event.js';
import type { StoredMessage, StreamReader } from '../nats/streams/reader.js';
import { bodyOfDamaged } from '../receive/mns-messages.js';
import { filtersEvents, selects, type Selection } from './selection.js';

/** A dead letter as VOD_DEAD_LETTERS holds it. Texts of a message that is no dead letter of ours are empty. */
export interface StoredDeadLetter {
  /** What people call it by: its sequence number in the stream. */
  readonly id: number;
  readonly subject: string;
  /** When it became a dead letter, epoch milliseconds; a copy under another reason keeps the first time. */
  readonly timeMs: number;
  readonly queue: string;
  readonly messageId: string;
  readonly attempt: number;
  /** Epoch milliseconds; NaN when the header is not a time. */
  readonly enqueuedAtMs: number;
  readonly code: string;
  readonly reason: string;
  /** Where in the body. */
  readonly at: string;
  /** A replay has published its event. */
  readonly isDone: boolean;
  readonly headers: Readonly<Record<string, string>>;
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

/** The header of a copy that says when the first of its kind became a dead letter, as an ISO time. */
export const deadLetterTimeHeader = 'Dead-Letter-Time';

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
  headers,
  body,
}: Pick<StoredDeadLetter, 'headers' | 'body'>): DecodedDeadLetter {
  if (headers['Dead-Letter-Body'] === 'xml-text') {
    return illegalCharacters;
  }
  if (headers['Dead-Letter-Body'] === 'message-xml') return decodeKeptMessage(headers, body);
  const text = utf8Text(body);
  if (Object.hasOwn(followUpCodes, headers['Dead-Letter-Code'] ?? '')) return decodeFollowUp(text ?? '');
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
function decodeKeptMessage(headers: StoredDeadLetter['headers'], xml: Uint8Array): DecodedMessage {
  const item = bodyOfDamaged(xml);
  if (!item)
    return decodeMessage({ body: '', damaged: false, damage: { at: headers['Dead-Letter-At'] ?? '' } });
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
  const header = (name: string): string => headers[name] ?? '';
  const firstTimeMs = Date.parse(header(deadLetterTimeHeader));
  return {
    id: seq,
    subject,
    timeMs: Number.isNaN(firstTimeMs) ? storedAtMs : firstTimeMs,
    queue: header('Dead-Letter-Queue'),
    messageId: header('Dead-Letter-Message-Id'),
    attempt: Number(header('Dead-Letter-Attempt')),
    enqueuedAtMs: Date.parse(header('Dead-Letter-Enqueue-Time')),
    code: header('Dead-Letter-Code'),
    reason: header('Dead-Letter-Reason'),
    at: header('Dead-Letter-At'),
    isDone: headers['Dead-Letter-Done'] !== undefined,
    headers,
    body,
  };
}

function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    // The decoder takes a byte order mark away itself.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
