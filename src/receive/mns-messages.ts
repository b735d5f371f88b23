import { isUtf8 } from 'node:buffer';
import { liftBodies, readCharacters, toText, type Outline } from './mns-body.js';
import { blankItem, readBody, readElements, XmlFault, type MnsItem } from './mns-elements.js';

/** The elements of a message whose text a relay uses. */
const usedFields = [
  'MessageId',
  'ReceiptHandle',
  'EnqueueTime',
  'FirstDequeueTime',
  'NextVisibleTime',
  'DequeueCount',
];
/** Those that may be named in a reason: any other name is part of the message. */
const knownFields = new Set([
  ...usedFields,
  'MessageBody',
  'MessageBodyMD5',
  'Priority',
  'MessageGroupId',
  'UserProperties',
  'SystemProperties',
]);
const boundary = /(?:<\/Message\s*>|<Message\s*\/>)\s*(?=<Message[\s>/])/g;
const volatile = /<(ReceiptHandle|FirstDequeueTime|NextVisibleTime|DequeueCount)>[^<]*<\/\1>\s*/g;
/** An element in one that is to hold text. */
const nestedInText =
  /^(?:MessageId|ReceiptHandle|EnqueueTime|FirstDequeueTime|NextVisibleTime|DequeueCount)\./;
/** Visible ASCII of a length that fits a header; those of MNS are 32 characters, and about 105. */
const idForm = /^[!-~]{1,256}$/;
const handleForm = /^[!-~]{1,2048}$/;

/** A piece of the XML between two places where one message seems to end and another to begin. */
interface Piece {
  start: number;
  end: number;
  hasId: boolean;
  hasHandle: boolean;
}

/**
 * Reads messages that stand one after another, each by itself: whatever one of them holds costs no other. One
 * that cannot be read strictly, or lacks what it is known and deleted by, is given with its damage and what
 * can be read of it.
 *
 * @param wire the bytes as one character each, from the first `<Message` to the end of the last.
 */
export function readMessages(bytes: Buffer, wire: string): MnsItem[] {
  const pieces = split(wire);
  const items: MnsItem[] = [];
  for (let first = 0; first < pieces.length;) {
    let next = first + 1;
    let read = readStrictly(first, next);
    if (!Array.isArray(read)) {
      next = endOfMessage(pieces, first);
      if (next > first + 1) read = readStrictly(first, next);
    }
    if (Array.isArray(read)) items.push(...read);
    else items.push(readDamaged(cut(first, next), read?.at));
    first = next;
  }
  return items;

  /** A message without a handle is damaged, and is not read further. */
  function readStrictly(first: number, next: number): MnsItem[] | XmlFault | undefined {
    const isWhole = pieces.slice(first, next).some(({ hasHandle }) => hasHandle);
    return isWhole ? readPiece(cut(first, next)) : undefined;
  }

  function cut(first: number, next: number): Buffer {
    return bytes.subarray(pieces[first]?.start, pieces[next - 1]?.end);
  }
}

function split(wire: string): Piece[] {
  const ends = [...wire.matchAll(boundary)].map((match) => match.index + match[0].length);
  let start = 0;
  return [...ends, wire.length].map((end) => {
    const text = wire.slice(start, end);
    const piece = {
      start,
      end,
      hasId: text.includes('<MessageId>'),
      hasHandle: text.includes('<ReceiptHandle>'),
    };
    start = end;
    return piece;
  });
}

/**
 * Text in a message may look like its end: what follows without an id of its own, or with the handle it
 * lacks, belongs to it.
 */
function endOfMessage(pieces: readonly Piece[], first: number): number {
  let hasHandle = pieces[first]?.hasHandle === true;
  let next = first + 1;
  for (let piece = pieces[next]; piece && !piece.hasId; piece = pieces[++next]) {
    if (hasHandle && piece.hasHandle) break;
    hasHandle ||= piece.hasHandle;
  }
  return next;
}

/**
 * The messages in a piece, of which there is one unless something stands between two; or what is wrong with
 * it.
 */
function readPiece(bytes: Buffer): MnsItem[] | XmlFault {
  const isText = isUtf8(bytes);
  const { text, bodies } = outlineOf(bytes, isText);
  const faults = new Map<MnsItem, string>();
  try {
    const outline = { text: `<Messages>${text}</Messages>`, bodies };
    const { items } = readElements(outline, isText, (item, at) => {
      if (!faults.has(item)) faults.set(item, at);
    });
    for (const item of items) judge(item, bytes, faults.get(item));
    return items;
  } catch (error) {
    if (error instanceof XmlFault) return error;
    throw error;
  }
}

/** The readable fields of a message that is not well-formed. */
function readDamaged(bytes: Buffer, at: string | undefined): MnsItem {
  const isText = isUtf8(bytes);
  const { text, bodies } = outlineOf(bytes, isText);
  const item = blankItem();
  const outside = withoutProperties(text);
  for (const name of usedFields) {
    const start = outside.indexOf(`<${name}>`) + name.length + 2;
    const end = outside.indexOf(`</${name}>`, start);
    const raw = start < name.length + 2 || end < 0 ? '' : outside.slice(start, end);
    const read = raw.includes('<') ? undefined : readCharacters(raw, isText);
    const plain = read === undefined ? undefined : toText(read, isText);
    if (plain) item.fields[name] = plain;
  }
  const [body, ...others] = bodies;
  if (body !== undefined && others.length === 0) readBody(body, isText, item);
  judge(item, bytes, at);
  item.damage ??= { at: 'Message', xml: withoutVolatile(bytes) };
  return item;
}

/** The body of a message that was kept as XML for its damage; undefined when it has not exactly one. */
export function bodyOfDamaged(xml: Uint8Array): MnsItem | undefined {
  const item = readDamaged(Buffer.from(xml), undefined);
  return item.fields['MessageBody'] === undefined ? undefined : item;
}

function withoutProperties(text: string): string {
  let rest = text;
  for (const name of ['UserProperties', 'SystemProperties']) {
    const start = rest.indexOf(`<${name}>`);
    const end = rest.lastIndexOf(`</${name}>`);
    if (start >= 0) rest = rest.slice(0, start) + (end > start ? rest.slice(end) : '');
  }
  return rest;
}

/** Leaves no id or handle in the item that is of no use, and records where it is damaged if it is. */
function judge(item: MnsItem, bytes: Buffer, fault: string | undefined): void {
  const { fields } = item;
  let at =
    fault ??
    Object.keys(fields)
      .find((name) => nestedInText.test(name))
      ?.split('.')[0];
  for (const [name, form] of [
    ['MessageId', idForm],
    ['ReceiptHandle', handleForm],
  ] as const) {
    if (form.test(fields[name] ?? '')) continue;
    at ??= name;
    Reflect.deleteProperty(fields, name);
  }
  if (at === undefined) return;
  item.damage = { at: knownFields.has(at) ? at : 'Message', xml: withoutVolatile(bytes) };
}

function withoutVolatile(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(volatile, '').trim(), 'latin1');
}

function outlineOf(bytes: Buffer, isText: boolean): Outline {
  return liftBodies(bytes.toString(isText ? 'utf8' : 'latin1'));
}
