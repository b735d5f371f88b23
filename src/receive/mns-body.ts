import { isUtf8 } from 'node:buffer';

/** XML text without its message bodies, each of which has a `<lifted-body>` with its number in its place. */
export interface Outline {
  text: string;
  bodies: readonly string[];
}

/** The text of an element; undefined when it holds characters that XML or UTF-8 does not allow. */
export type PlainText = string | undefined;

/** Stands in the outline for a body; its text is the body's number. */
export const liftedBody = 'lifted-body';
const bodyStart = '<MessageBody>';
const bodyEnd = '</MessageBody>';
const sectionStart = '<![CDATA[';
const sectionEnd = ']]>';

/** Lifts the bodies out, so that what stands in one of them does not touch the markup around it. */
export function liftBodies(text: string): Outline {
  const nextEnd = finder(text, bodyEnd);
  const nextSection = finder(text, sectionStart);
  const nextSectionEnd = finder(text, sectionEnd);
  const bodies: string[] = [];
  let outline = '';
  for (let from = 0; ;) {
    const open = text.indexOf(bodyStart, from);
    const start = open + bodyStart.length;
    const end = open < 0 ? -1 : findEnd(start);
    if (end < 0) return { text: outline + text.slice(from), bodies };
    outline += `${text.slice(from, open)}<${liftedBody}>${bodies.length}</${liftedBody}>`;
    bodies.push(text.slice(start, end));
    from = end + bodyEnd.length;
  }

  /** A CDATA section may hold what looks like the end tag; one that never ends is none. */
  function findEnd(start: number): number {
    for (let from = start; ;) {
      const end = nextEnd(from);
      const section = nextSection(from);
      const closed = section >= 0 && section < end ? nextSectionEnd(section) : -1;
      if (closed < 0) return end;
      from = closed + sectionEnd.length;
    }
  }
}

/**
 * `indexOf` for places that only grow: all calls together pass over the text once, however often they are
 * made.
 */
function finder(text: string, searched: string): (from: number) => number {
  let found = -2;
  return (from) => {
    if (found !== -1 && found < from) found = text.indexOf(searched, from);
    return found;
  };
}

const markup = /[&<]/g;
const reference = /&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|(amp|lt|gt|quot|apos));/y;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** XML 1.0, production 2 (Char), read the other way round. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Reads what stands between two tags; a CR stays, though XML would make it a LF. `isText` is false for text
 * that was read one character a byte, and the result then is of that kind too.
 */
export function readCharacters(raw: string, isText: boolean): PlainText {
  if (illegal.test(raw)) return undefined;
  let plain = '';
  for (let from = 0; ;) {
    markup.lastIndex = from;
    const at = markup.test(raw) ? markup.lastIndex - 1 : raw.length;
    plain += raw.slice(from, at);
    if (at === raw.length) return plain;
    const isSection = raw.startsWith(sectionStart, at);
    const end = isSection ? raw.indexOf(sectionEnd, at) : -1;
    if (isSection && end >= 0) {
      plain += raw.slice(at + sectionStart.length, end);
      from = end + sectionEnd.length;
      continue;
    }
    // A section that never ends, or a character that must not stand alone.
    reference.lastIndex = at;
    const found = reference.exec(raw);
    const character = found ? characterOf(found) : undefined;
    if (!found || character === undefined) return undefined;
    const isPlain = isText || character < '\u0080';
    plain += isPlain ? character : Buffer.from(character).toString('latin1');
    from = at + found[0].length;
  }
}

/** The character of a reference; undefined when XML does not allow it. */
function characterOf([, decimal, hex, entity]: RegExpExecArray): string | undefined {
  if (entity !== undefined) return entities[entity];
  const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
  if (code > 0x10ffff) return undefined;
  const character = String.fromCodePoint(code);
  return illegal.test(character) ? undefined : character;
}

/** The text of text that was read one character a byte. */
export function toText(text: string, isText: boolean): PlainText {
  if (isText) return text;
  const bytes = Buffer.from(text, 'latin1');
  if (!isUtf8(bytes)) return undefined;
  const decoded = bytes.toString('utf8');
  return illegal.test(decoded) ? undefined : decoded;
}
