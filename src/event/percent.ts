/**
 * `text` with every match of `forbidden` (a `gu` pattern that matches one code point at a time) written as
 * its UTF-8 bytes, `%` and two upper-case hexadecimal digits each. A lone surrogate, which UTF-8 cannot
 * express, is written as the three bytes its number would have (`%ED%A0%80` for U+D800): the same every time,
 * and never equal to another text's encoding. As long as `forbidden` matches `%`, distinct texts give
 * distinct results.
 */
export function percentEncode(text: string, forbidden: RegExp): string {
  return text.replace(forbidden, encodeCodePoint);
}

function encodeCodePoint(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return byte(point);
  if (point < 0x800) return byte(0xc0 | (point >> 6)) + tail(point);
  if (point < 0x1_0000) return byte(0xe0 | (point >> 12)) + tail(point >> 6) + tail(point);
  return byte(0xf0 | (point >> 18)) + tail(point >> 12) + tail(point >> 6) + tail(point);
}

function tail(bits: number): string {
  return byte(0x80 | (bits & 0x3f));
}

const encodedBytes = Array.from(
  { length: 256 },
  (_, value) => `%${value.toString(16).toUpperCase().padStart(2, '0')}`,
);

function byte(value: number): string {
  return encodedBytes[value] ?? '';
}
