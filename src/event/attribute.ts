import { percentEncode } from './percent.js';

/**
 * The characters that CloudEvents forbids in an attribute: control characters, lone surrogates,
 * noncharacters.
 */
const forbidden = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const forbiddenAndPercent = new RegExp(`%|${forbidden.source}`, 'gu');

/**
 * Any text as the value of a CloudEvents attribute: what CloudEvents forbids there, and `%`, is
 * percent-encoded from UTF-8.
 */
export function attributeText(text: string): string {
  return percentEncode(text, forbiddenAndPercent);
}

/**
 * Whether `text` can be the value of a CloudEvents attribute as it is. Whatever `attributeText` gives can.
 */
export function isAttributeText(text: string): boolean {
  return !forbidden.test(text);
}

/** The CloudEvents `subject` of a media, `<MediaType>/<MediaId>`: its first `/` is always the separator. */
export function mediaSubject(media: { readonly mediaType: string; readonly mediaId: string }): string {
  return `${attributeText(media.mediaType).replaceAll('/', '%2F')}/${attributeText(media.mediaId)}`;
}
