import { BodyFault, offset } from './body-fault.js';

/** JSON nested deeper than this is refused: whoever reads the event may parse it recursively. */
const maxDepth = 64;

const jsonStart = /^[{["\-0-9tfn]/;

type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** Parses JSON; a syntax error is an answer, not an exception. Throws BodyFault `too-deep` before parsing. */
export function parseJson(text: string): ParsedJson {
  const tooDeepAt = offsetTooDeep(text);
  if (tooDeepAt !== undefined) {
    throw new BodyFault(
      'too-deep',
      `the JSON is nested more than ${maxDepth} levels deep`,
      offset(tooDeepAt),
    );
  }
  // Spares Base64 of an object, which starts like no JSON, the cost of an exception.
  if (!jsonStart.test(text)) return { ok: false };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The error is dropped on purpose: its message quotes the body.
    return { ok: false };
  }
}

/**
 * The array, object or string that a text is the JSON of; undefined for any other text, numbers and words
 * among them.
 */
export function jsonInText(text: string): unknown {
  const json = text.trim();
  if (!/^[[{"]/.test(json) || offsetTooDeep(json) !== undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Where the nesting first exceeds the limit. Works on any text, JSON or not. */
function offsetTooDeep(text: string): number | undefined {
  if (!hasMoreOpenersThan(maxDepth, text)) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (depth > maxDepth) return at;
  }
  return undefined;
}

/**
 * A text with no more than `count` brackets cannot be nested deeper: settles almost every body at native
 * speed.
 */
function hasMoreOpenersThan(count: number, text: string): boolean {
  let found = 0;
  for (const opener of ['{', '[']) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      if (++found > count) return true;
    }
  }
  return false;
}

/** The closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
