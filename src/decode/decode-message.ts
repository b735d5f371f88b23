import type { DeadLetterCode } from '../event/dead-letter-code.js';
import { decodeBody, type Decoded } from './decode-body.js';

/** A message as its queue handed it out. */
export interface Received {
  readonly body: string;
  readonly bodyBytes?: Buffer;
  readonly damaged: boolean;
  readonly damage?: { readonly at: string };
}

/** A decoded message: an event, or the reason why it is none. The reason holds no piece of it. */
export type DecodedMessage =
  | Extract<Decoded, { kind: 'event' }>
  | {
      readonly kind: 'undecodable';
      readonly code: DeadLetterCode;
      readonly reason: string;
      readonly at: string;
    };

/** Decodes a message of a queue. The relay and a replay judge alike, down to the words. Never throws. */
export function decodeMessage({ body, bodyBytes, damaged, damage }: Received): DecodedMessage {
  if (damage) return damagedMessage(damage.at);
  if (bodyBytes) return notUtf8;
  if (damaged) return illegalCharacters;
  return decodeBody(body);
}

function damagedMessage(at: string): DecodedMessage {
  const reason = `${at} of the message must be there once, as text that XML can carry`;
  const lasts = at === 'ReceiptHandle' ? ': without it the message stays in the queue until it expires' : '';
  return { kind: 'undecodable', code: 'message-damaged', reason: reason + lasts, at };
}

/** The fault of a body that is no text to decode. */
const notUtf8 = {
  kind: 'undecodable',
  code: 'body-not-utf8',
  reason: 'the body must be UTF-8',
  at: 'body',
} as const;

/** As `notUtf8`, for a body with characters that XML forbids. */
const illegalCharacters = {
  kind: 'undecodable',
  code: 'body-illegal-characters',
  reason: 'the body must be text that XML can carry',
  at: 'body',
} as const;
