import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { liftBodies, liftedBody, readCharacters, toText, type Outline } from './mns-body.js';

/** The root of an answer and what it holds. */
export interface MnsDocument {
  /** The name of the root element, such as `Messages` or `Error`. */
  root: string;
  /** The children of a list root, or the root itself as the one item of any other. */
  items: MnsItem[];
}

export interface MnsItem {
  /**
   * The text of each child element, character for character; markup in it is left out. An element inside a
   * child that is no property is here too, as `Child.Element`.
   */
  fields: Record<string, string>;
  /** UserProperties and SystemProperties by name. */
  properties: Record<string, string>;
  /** The body's bytes, when these are not UTF-8. */
  bodyBytes?: Buffer;
  /**
   * The body is not legal XML text: `fields.MessageBody` is then what stands between its tags, as received.
   */
  damaged: boolean;
  /** Of a message that holds elsewhere what it must not; its fields are those that can be read. */
  damage?: MessageDamage;
}

export interface MessageDamage {
  /** The first element that cannot be read, or `Message` when it cannot be told. */
  at: string;
  /** The message as received, without its receipt handle and what else differs from delivery to delivery. */
  xml: Buffer;
}

/** Where XML is wrong. Its message never quotes the document. */
export class XmlFault extends Error {
  override readonly name = 'XmlFault';
  /** The child of an item in which it happened, if it is in one. */
  readonly at: string | undefined;

  constructor(reason: string, at: string | undefined) {
    super(reason);
    this.at = at;
  }
}

const listRoots = new Set(['Messages', 'Errors']);
const maxDepth = 8;

/**
 * Reads XML strictly, apart from the message bodies in it, which are lifted out and read one by one. The
 * namespace is ignored (the wire, the documentation and the SDKs disagree about it), and an element is known
 * by its depth, because `<Error>` has a child that is named `<Message>`.
 *
 * @param isText false for XML that was read one character a byte.
 * @param onFault told of a child of an item that is there twice or is not UTF-8.
 * @throws XmlFault
 */
export function readElements(
  { text, bodies }: Outline,
  isText: boolean,
  onFault: (item: MnsItem, at: string) => void = () => undefined,
): MnsDocument {
  const document: MnsDocument = { root: '', items: [] };
  const path: string[] = [];
  let item: MnsItem | undefined;
  let fieldDepth = 0;
  /** The text of the field so far, and that of the innermost element. */
  let field = '';
  let value = '';
  let property: Record<string, string> = {};

  const fail = (reason: string): never => {
    throw new XmlFault(reason, path[fieldDepth - 1]);
  };
  const parser = new SaxesParser();
  parser.on('error', (error) =>
    fail(`malformed XML at ${/^[\d:]+(?=:)/.exec(error.message)?.[0] ?? 'its end'}`),
  );
  parser.on('doctype', () => fail('a DOCTYPE is not allowed'));
  parser.on('opentag', ({ name }) => {
    const depth = path.push(name);
    if (depth > maxDepth) fail(`elements nested more than ${maxDepth} deep`);
    if (depth === 1) {
      document.root = name;
      fieldDepth = listRoots.has(name) ? 3 : 2;
    }
    if (depth === fieldDepth - 1) document.items.push((item = blankItem()));
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
  const plain = (characters: string): string => {
    const read = toText(characters, isText);
    if (read === undefined && item) onFault(item, path[fieldDepth - 1] ?? '');
    return read ?? characters;
  };
  parser.on('closetag', ({ name }) => {
    const depth = path.length;
    if (item && depth === fieldDepth) {
      const known = name === liftedBody ? 'MessageBody' : name;
      if (known in item.fields) onFault(item, known);
      if (name === liftedBody) readBody(bodies[Number(field)] ?? '', isText, item);
      else item.fields[name] = plain(field);
    } else if (depth === fieldDepth + 2) property[name] = plain(value);
    else if (item && depth === fieldDepth + 1 && property['Name'] !== undefined) {
      item.properties[property['Name']] = property['Value'] ?? '';
    } else if (item && depth === fieldDepth + 1) {
      item.fields[`${path[depth - 2] ?? ''}.${name}`] = plain(value);
    }
    path.pop();
  });

  parser.write(text).close();
  if (document.root === '' || path.length > 0) fail('the document ends too early');
  return document;
}

/**
 * As `readElements`, for bytes that need not be UTF-8: these are read one character a byte, which loses
 * nothing.
 */
export function readDocument(bytes: Buffer): MnsDocument {
  const isText = isUtf8(bytes);
  return readElements(liftBodies(bytes.toString(isText ? 'utf8' : 'latin1')), isText);
}

/**
 * Reads the body of an item: legal text, or bytes that are not UTF-8, or else what stands there as received.
 */
export function readBody(raw: string, isText: boolean, item: MnsItem): void {
  const characters = readCharacters(raw, isText);
  item.damaged = characters === undefined;
  const body = characters ?? raw;
  const bytes = isText ? undefined : Buffer.from(body, 'latin1');
  const isUnreadable = bytes !== undefined && !isUtf8(bytes);
  item.fields['MessageBody'] = bytes === undefined || isUnreadable ? body : bytes.toString('utf8');
  if (isUnreadable) item.bodyBytes = bytes;
}

export function blankItem(): MnsItem {
  return { fields: blank(), properties: blank(), damaged: false };
}

/** A record without a prototype: a field named `__proto__` is then a field like any other. */
function blank(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}
