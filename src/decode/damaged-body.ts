/** The faults of a body that is no text to decode. The relay and a replay judge alike, down to the words. */
export const notUtf8 = {
  kind: 'undecodable',
  code: 'body-not-utf8',
  reason: 'the body must be UTF-8',
  at: 'body',
} as const;

/** As `notUtf8`, for a body with characters that XML forbids. */
export const illegalCharacters = {
  kind: 'undecodable',
  code: 'body-illegal-characters',
  reason: 'the body must be text that XML can carry',
  at: 'body',
} as const;
