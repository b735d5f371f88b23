import { decodeMessage, type DecodedMessage, type Received } from '../decode/decode-message.js';
import { readMessage, type Reading, type ReadingPolicy } from '../decode/read-message.js';
import { followUpCodes } from '../event/dead-letter-code.js';
import { readFailedFollowUp } from '../event/follow-up-event.js';
import type { FollowUp } from '../event/follow-up.js';
import type { EventOrigin, VodEvent } from '../event/vod-event.js';
import { bodyOfDamaged } from '../receive/mns-messages.js';
import type { StoredDeadLetter } from './dead-letter-stream.js';
import { filtersEvents, selects, type Selection } from './selection.js';

/**
 * The content of a dead letter by today's decoder. The event of a follow-up has no more than a follow-up
 * knows.
 */
export type DecodedDeadLetter =
  | DecodedMessage
  | { readonly kind: 'follow-up'; readonly followUp: FollowUp; readonly event: VodEvent }
  /** One of the follow-up half whose body is no event of ours: no decoder reads it. */
  | { readonly kind: 'unreadable-follow-up' };

/** The reading of a dead letter by a replay today. */
export type DeadLetterReading =
  | Reading
  | Extract<DecodedDeadLetter, { kind: 'follow-up' | 'unreadable-follow-up' }>
  /** Whose event it is cannot be told: a replay leaves it. */
  | { readonly kind: 'no-origin'; readonly decoded: DecodedMessage };

type LetterParts = Pick<StoredDeadLetter, 'form' | 'code' | 'at' | 'body'>;

/**
 * Decodes the bytes again, as the relay would today; of a failed follow-up, reads what it was about. Never
 * throws.
 */
export function decodeDeadLetter(letter: LetterParts): DecodedDeadLetter {
  if (Object.hasOwn(followUpCodes, letter.code)) return decodeFollowUp(letter.body);
  return decodeMessage(receivedOf(letter));
}

/** As `readMessage`, of the bytes that a dead letter keeps. Never throws. */
export function readDeadLetter(
  letter: LetterParts & Pick<StoredDeadLetter, 'timeMs' | 'enqueuedAtMs'>,
  origin: EventOrigin | undefined,
  policy: ReadingPolicy,
): DeadLetterReading {
  if (Object.hasOwn(followUpCodes, letter.code)) return decodeFollowUp(letter.body);
  const received = receivedOf(letter);
  if (!origin) return { kind: 'no-origin', decoded: decodeMessage(received) };
  const { timeMs, enqueuedAtMs } = letter;
  const timed = { ...received, enqueuedAtMs: Number.isNaN(enqueuedAtMs) ? timeMs : enqueuedAtMs };
  return readMessage(timed, origin, policy);
}

/**
 * Whether the selection means this dead letter. It is decoded only when a filter asks for what the event
 * says.
 */
export function selectsDeadLetter(selection: Selection, letter: StoredDeadLetter): boolean {
  const { timeMs, queue, code } = letter;
  const facts = { timeMs, queue, code };
  if (!filtersEvents(selection)) return selects(selection, facts);
  const decoded = decodeDeadLetter(letter);
  return 'event' in decoded && selects(selection, { ...facts, event: decoded.event });
}

/** A queue of the configuration. */
interface OriginQueue {
  readonly name: string;
  readonly vod: Pick<EventOrigin, 'region' | 'account'>;
}

/** @returns undefined for a queue that is not there, and where two accounts have one of that name. */
export function originOf(queues: readonly OriginQueue[], name: string): EventOrigin | undefined {
  const [first, ...others] = queues.filter((queue) => queue.name === name).map(({ vod }) => vod);
  const isOne = others.every(({ region, account }) => region === first?.region && account === first.account);
  return first && isOne ? { ...first, queue: name } : undefined;
}

/**
 * The message as its queue handed it out. One that is damaged elsewhere than in its body is read for its
 * body.
 */
function receivedOf({ form, at, body }: LetterParts): Received {
  if (form === 'xml-text') return { body: '', damaged: true };
  if (form !== 'message-xml') return { body: '', damaged: false, ...textOf(body) };
  const item = bodyOfDamaged(body);
  if (!item) return { body: '', damaged: false, damage: { at } };
  const { bodyBytes, damaged, fields } = item;
  return { body: fields['MessageBody'] ?? '', ...(bodyBytes && { bodyBytes }), damaged };
}

function decodeFollowUp(
  body: Uint8Array,
): Extract<DecodedDeadLetter, { kind: 'follow-up' | 'unreadable-follow-up' }> {
  const followUp = readFailedFollowUp(textOf(body).body ?? '');
  if (!followUp) return { kind: 'unreadable-follow-up' };
  const { eventTime, status, mediaType, deleteType, mediaId } = followUp;
  const facts = { eventTime, status, mediaType, deleteType, mediaId, jobIds: [], extra: {} };
  return { kind: 'follow-up', followUp, event: { kind: 'delete-media-complete', ...facts } };
}

function textOf(bytes: Uint8Array): { body?: string; bodyBytes?: Buffer } {
  try {
    // The decoder takes a byte order mark away itself.
    return { body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { bodyBytes: Buffer.from(bytes) };
  }
}
