import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';

/**
 * Reads the XML of an MNS answer. Strict about the document, lenient about one message in it: what is wrong inside
 * a `<MessageBody>` is noted on that item, so that one bad character does not cost the other fifteen messages.
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
  /** The text of each child element, character for character. */
  fields: Record<string, string>;
  /** UserProperties and SystemProperties by name. */
  properties: Record<string, string>;
  /** The body's bytes, when these are not UTF-8. */
  bodyBytes?: Buffer;
  /** The body is not legal XML text: `fields.MessageBody` is then what stands between its tags, as received. */
  damaged: boolean;
}

const listRoots = new Set(['Messages', 'Errors']);
const bodyField = 'MessageBody';
const maxDepth = 8;

/** @throws Error saying where the document is wrong, and never quoting it. */
export function parseMnsXml(bytes: Buffer): MnsDocument {
  // Bytes that are not UTF-8 are read one character a byte, which loses nothing and keeps the markup readable.
  const readable = isUtf8(bytes);
  const { text, restore } = shieldCarriageReturns(bytes.toString(readable ? 'utf8' : 'latin1'));
  const document: MnsDocument = { root: '', items: [] };
  const path: string[] = [];
  let item: MnsItem | undefined;
  let fieldDepth = 0;
  let fieldStart = 0;
  let value = '';
  let property: Record<string, string> = {};

  const parser = new SaxesParser({ position: true });
  const inBody = (): boolean => item !== undefined && path[fieldDepth - 1] === bodyField;

  parser.on('error', (error) => {
    if (item === undefined || !inBody()) throw new Error(`malformed XML at ${/^[\d:]+/.exec(error.message)?.[0] ?? 'its end'}`);
    item.damaged = true;
  });
  parser.on('doctype', () => {
    throw new Error('a DOCTYPE is not allowed');
  });
  parser.on('opentag', ({ name }) => {
    path.push(name);
    if (path.length > maxDepth && !inBody()) throw new Error(`elements nested more than ${maxDepth} deep`);
    if (path.length === 1) {
      document.root = name;
      fieldDepth = listRoots.has(name) ? 3 : 2;
    }
    if (path.length === fieldDepth - 1) document.items.push((item = { fields: blank(), properties: blank(), damaged: false }));
    if (path.length === fieldDepth) fieldStart = parser.position;
    if (path.length > fieldDepth && item && inBody()) item.damaged = true;
    value = '';
    if (path.length === fieldDepth + 1) property = blank();
  });
  const addText = (more: string): void => {
    value += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', ({ name }) => {
    if (item && path.length === fieldDepth) {
      const field = restore(item.damaged && name === bodyField ? rawField() : value);
      item.fields[name] = field;
      if (!readable) readAgain(item, name, fromLatin1(field));
    } else if (path.length === fieldDepth + 2) {
      property[name] = restore(value);
    } else if (item && path.length === fieldDepth + 1 && property['Name'] !== undefined) {
      item.properties[property['Name']] = property['Value'] ?? '';
    }
    path.pop();
  });
  const rawField = (): string => text.slice(fieldStart, text.lastIndexOf('</', parser.position - 1));

  parser.write(text).close();
  if (document.root === '' || path.length > 0) throw new Error('the document ends too early');
  return document;
}

/** A record without a prototype: a field named `__proto__` is then a field like any other. */
function blank(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** XML turns a bare CR into LF; a body keeps its own. A character that the text does not contain stands in for it. */
function shieldCarriageReturns(text: string): { text: string; restore: (value: string) => string } {
  if (!text.includes('\r')) return { text, restore: (value) => value };
  let code = 0xe000;
  while (text.includes(String.fromCharCode(code))) code++;
  const stand = String.fromCharCode(code);
  const bodies = /<MessageBody>[^]*?<\/MessageBody>/g;
  return {
    text: text.replace(bodies, (body) => body.replaceAll('\r', stand)),
    restore: (value) => value.replaceAll(stand, '\r'),
  };
}

/** In an answer that is not UTF-8 as a whole, each field is judged by itself: one message does not spoil the others. */
function readAgain(item: MnsItem, name: string, bytes: Buffer): void {
  if (isUtf8(bytes)) item.fields[name] = bytes.toString('utf8');
  else if (name === bodyField) item.bodyBytes = bytes;
}

/** Bytes from one-character-a-byte text; a character above U+00FF can only come from a reference and is UTF-8. */
function fromLatin1(text: string): Buffer {
  return Buffer.concat(
    text.split(/([^\u0000-\u00ff]+)/).map((part, i) => Buffer.from(part, i % 2 === 1 ? 'utf8' : 'latin1')),
  );
}
