import { BodyFault } from './body-fault.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Whether the whole text is Base64 in its one canonical spelling: the standard alphabet, full padding, no
 * line breaks, no stray bits. Anything looser would take ordinary words for Base64.
 */
export function isStrictBase64(text: string): boolean {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return false;
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/**
 * The text that a strict Base64 text carries, without a byte order mark. Throws BodyFault `base64-not-utf8`.
 */
export function decodeBase64Text(text: string): string {
  try {
    return utf8.decode(Buffer.from(text, 'base64'));
  } catch {
    throw new BodyFault('base64-not-utf8', 'the text is Base64, but its bytes are not UTF-8', 'base64');
  }
}
