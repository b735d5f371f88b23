import { createHash } from 'node:crypto';
import { percentEncode } from './percent.js';

/**
 * A longer token is cut: NATS closes the connection on a protocol line over 4 KiB, and a MediaId may be 64
 * KiB.
 */
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
 * Distinct texts give distinct tokens. A token without `%-` that is not `%` gives its text back on URI
 * decoding (lone surrogates excepted).
 */
export function subjectToken(text: string): string {
  if (text === '') return '%';
  const token = percentEncode(text, /[^A-Za-z0-9_-]/gu);
  if (token.length <= maxTokenLength) return token;
  const digest = createHash('sha256').update(token).digest('hex').slice(0, 32);
  return `${token.slice(0, keptWhenCut).replace(/%[0-9A-F]?$/, '')}%-${digest}`;
}
