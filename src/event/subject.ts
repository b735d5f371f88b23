import { createHash } from 'node:crypto';
import type { DeadLetterCode } from './dead-letter-code.js';
import type { FollowUpOutcome } from './follow-up.js';
import { percentEncode } from './percent.js';
import { deleteMediaCompleteType, type VodEvent } from './vod-event.js';

/** The first token of every subject, unless the configuration names another. */
export const defaultSubjectPrefix = 'vod';

/** A longer token is cut: NATS closes the connection on a protocol line over 4 KiB, and a MediaId may be 64 KiB. */
const maxTokenLength = 200;
const keptWhenCut = 160;

/**
 * One token of a NATS subject made of any text, so that no text can widen, split or break a subject:
 *
 * - everything outside `[A-Za-z0-9_-]` is percent-encoded from its UTF-8 bytes, in upper case;
 * - the empty text is `%`, which no other text gives;
 * - a token over 200 characters becomes its first 160 (less if that would split a `%XX`), `%-`, and the first
 *   128 bits of SHA-256 over the whole token in lower-case hexadecimal. `%-` occurs in no other token.
 *
 * Distinct texts give distinct tokens. A token without `%-` that is not `%` gives its text back on URI decoding
 * (lone surrogates excepted).
 */
export function subjectToken(text: string): string {
  if (text === '') return '%';
  const token = percentEncode(text, /[^A-Za-z0-9_-]/gu);
  if (token.length <= maxTokenLength) return token;
  const digest = createHash('sha256').update(token).digest('hex').slice(0, 32);
  return `${token.slice(0, keptWhenCut).replace(/%[0-9A-F]?$/, '')}%-${digest}`;
}

/**
 * Where an event is published: `<prefix>.event.DeleteMediaComplete.<status>.<mediaType>.<deleteType>.<mediaId>`, or
 * for a foreign event `<prefix>.event.<EventType>[.<mediaId>]`. The prefix is taken as it is: it comes from the
 * configuration, which checks it.
 */
export function eventSubject(prefix: string, event: VodEvent): string {
  const tokens =
    event.kind === 'foreign'
      ? [event.eventType, ...(event.mediaId === undefined ? [] : [event.mediaId])]
      : [deleteMediaCompleteType, event.status, event.mediaType, event.deleteType, event.mediaId];
  return [prefix, 'event', ...tokens.map(subjectToken)].join('.');
}

/** Where a dead letter is published: `<prefix>.dead-letter.<queue>.<code>`. */
export function deadLetterSubject(prefix: string, queue: string, code: DeadLetterCode): string {
  return `${prefix}.dead-letter.${subjectToken(queue)}.${code}`;
}

/** Where the outcome of a follow-up is published: `<prefix>.follow-up.<outcome>.<mediaId>`. */
export function followUpSubject(prefix: string, outcome: FollowUpOutcome, mediaId: string): string {
  return `${prefix}.follow-up.${outcome}.${subjectToken(mediaId)}`;
}
