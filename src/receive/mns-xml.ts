import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';

/**
 * Reads the XML of an MNS answer. Strict about the document, lenient about the bodies in it: these are lifted out
 * and read one by one, so that whatever stands in one of them does not cost the other fifteen messages.
 * The namespace is ignored (the wire, the documentation and the SDKs disagree about it), and an element is known
 * by its depth, because `<Error>` has a child that is named `<Message>`.
 */
export interface MnsDocument {
  /** The name of the root element, such as `Messages` or `Error`. */
  root: string;
  /** The children of a list root, or the root itself as the one item of any other. */
  items: MnsItem[];
}

export interface MnsItem {
  /**
   * The text of each child element, character for character; markup in it is left out. An element inside a child that
   * is no property is here too, as `Child.Element`.
   */
  fields: Record<string, string>;
  /** UserProperties and SystemProperties by name. */
  properties: Record<string, string>;
  /** The body's bytes, when these are not UTF-8. */
  bodyBytes?: Buffer;
  /** The body is not legal XML text: `fields.MessageBody` is then what stands between its tags, as received. */
  damaged: boolean;
}

const listRoots = new Set(['Messages', 'Errors']);
const maxDepth = 8;
const bodyStart = '<MessageBody>';
const bodyEnd = '</MessageBody>';
/** Stands in the outline for a body; its text is the body's number. */
const liftedBody = 'lifted-body';

/** @throws Error saying where the document is wrong, and never quoting it. */
export function parseMnsXml(bytes: Buffer): MnsDocument {
  // Bytes that are not UTF-8 are read one character a byte, which loses nothing and keeps the markup readable.
  const isText = isUtf8(bytes);
  const { outline, bodies } = liftBodies(bytes.toString(isText ? 'utf8' : 'latin1'));
  const document: MnsDocument = { root: '', items: [] };
  const path: string[] = [];
  let item: MnsItem | undefined;
  let fieldDepth = 0;
  /** The text of the field so far, and that of the innermost element. */
  let field = '';
  let value = '';
  let property: Record<string, string> = {};

  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new Error(`malformed XML at ${/^[\d:]+(?=:)/.exec(error.message)?.[0] ?? 'its end'}`);
  });
  parser.on('doctype', () => {
    throw new Error('a DOCTYPE is not allowed');
  });
  parser.on('opentag', ({ name }) => {
    const depth = path.push(name);
    if (depth > maxDepth) throw new Error(`elements nested more than ${maxDepth} deep`);
    if (depth === 1) {
      document.root = name;
      fieldDepth = listRoots.has(name) ? 3 : 2;
    }
    if (depth === fieldDepth - 1)
      document.items.push((item = { fields: blank(), properties: blank(), damaged: false }));
    if (depth === fieldDepth) field = '';
    if (depth === fieldDepth + 1) property = blank();
    value = '';
  });
  const addText = (more: string): void => {
    value += more;
    field += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', ({ name }) => {
    const depth = path.length;
    if (item && depth === fieldDepth && name === liftedBody)
      readBody(bodies[Number(field)] ?? '', isText, item);
    else if (item && depth === fieldDepth) item.fields[name] = toText(field, isText);
    else if (depth === fieldDepth + 2) property[name] = toText(value, isText);
    else if (item && depth === fieldDepth + 1 && property['Name'] !== undefined) {
      item.properties[property['Name']] = property['Value'] ?? '';
    } else if (item && depth === fieldDepth + 1) {
      item.fields[`${path[depth - 2] ?? ''}.${name}`] = toText(value, isText);
    }
    path.pop();
  });

  parser.write(outline).close();
  if (document.root === '' || path.length > 0) throw new Error('the document ends too early');
  return document;
}

/** A record without a prototype: a field named `__proto__` is then a field like any other. */
function blank(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

function liftBodies(text: string): { outline: string; bodies: string[] } {
  const bodies: string[] = [];
  let outline = '';
  for (let from = 0; ;) {
    const open = text.indexOf(bodyStart, from);
    const start = open + bodyStart.length;
    const end = open < 0 ? -1 : findBodyEnd(text, start);
    if (end < 0) return { outline: outline + text.slice(from), bodies };
    outline += `${text.slice(from, open)}<${liftedBody}>${bodies.length}</${liftedBody}>`;
    bodies.push(text.slice(start, end));
    from = end + bodyEnd.length;
  }
}

/** A CDATA section may hold what looks like the end tag. */
function findBodyEnd(text: string, start: number): number {
  for (let from = start; ;) {
    const end = text.indexOf(bodyEnd, from);
    const section = text.slice(from, Math.max(from, end)).indexOf('<![CDATA[');
    const sectionEnd = section < 0 ? -1 : text.indexOf(']]>', from + section);
    if (sectionEnd < 0) return end;
    from = sectionEnd + ']]>'.length;
  }
}

/** CDATA sections (an unclosed one runs to the end), references, and the two characters that must not stand alone. */
const special =
  /<!\[CDATA\[(?:([^]*?)\]\]>|[^]*)|&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|(amp|lt|gt|quot|apos));|[<&]/g;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** XML 1.0, production 2 (Char), read the other way round. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** Reads what stands between the tags of a body; a CR stays, though XML would make it a LF. */
function readBody(raw: string, isText: boolean, item: MnsItem): void {
  let isLegal = !illegal.test(raw);
  const plain = raw.replace(
    special,
    (_all, section?: string, decimal?: string, hex?: string, entity?: string) => {
      if (section !== undefined) return section;
      if (entity !== undefined) return entities[entity] ?? '';
      const code = decimal === undefined ? parseInt(hex ?? '0', 16) : Number(decimal);
      const character = code > 0x10ffff ? '\0' : String.fromCodePoint(code);
      isLegal &&= !illegal.test(character);
      return isText ? character : Buffer.from(character).toString('latin1');
    },
  );
  const body = isLegal ? plain : raw;
  item.damaged = !isLegal;
  item.fields['MessageBody'] = toText(body, isText);
  if (isText) return;
  const bytes = Buffer.from(body, 'latin1');
  if (!isUtf8(bytes)) item.bodyBytes = bytes;
}

/** Text from a document that was read one character a byte, unless it is text already or stays no UTF-8. */
function toText(text: string, isText: boolean): string {
  if (isText) return text;
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : text;
}
