import type { MessageProperty } from '../control/types.js';
import { maximumDelaySeconds } from './attributes.js';
import { MnsFailure, numberInRange, outOfRange } from './errors.js';
import type { MessageDraft } from './message.js';
import { childText, grandChildren, parseRequestXml, type XmlElement } from './xml-in.js';

const mostInBatch = 16;
const largestBatchBytes = 65_536;
const mostProperties = 50;
const longestPropertyValue = 4096;
const propertyName = /^(?=.{1,256}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const propertyTypes = ['STRING', 'NUMBER', 'BOOLEAN', 'BINARY'];

/**
 * Reads a `<Message>` or `<Messages>` request ("SendMessage", "BatchSendMessage").
 * @throws MnsFailure MalformedXML, or InvalidArgument for a value or size outside its limits.
 */
export function readDrafts(
  body: Buffer,
  maximumMessageBytes: number,
): { isBatch: boolean; drafts: MessageDraft[] } {
  const root = parseRequestXml(body);
  if (root.name === 'Message') return { isBatch: false, drafts: [readDraft(root, maximumMessageBytes)] };
  const elements = entries(root, 'Messages', 'Message');
  const drafts = elements.map((element) => readDraft(element, maximumMessageBytes));
  const bytes = drafts.reduce((sum, draft) => sum + sizeOf(draft), 0);
  if (bytes > largestBatchBytes) throw outOfRange('Messages', 1, largestBatchBytes, ' bytes');
  return { isBatch: true, drafts };
}

/** Reads a `<ReceiptHandles>` request ("BatchDeleteMessage"). */
export function readHandles(body: Buffer): string[] {
  return entries(parseRequestXml(body), 'ReceiptHandles', 'ReceiptHandle').map((element) => {
    if (element.children.length > 0) throw new MnsFailure('MalformedXML');
    return element.text;
  });
}

function entries(root: XmlElement, list: string, entry: string): XmlElement[] {
  const { children } = root;
  if (root.name !== list || children.length === 0) throw new MnsFailure('MalformedXML');
  if (children.some(({ name }) => name !== entry)) throw new MnsFailure('MalformedXML');
  if (children.length > mostInBatch) throw outOfRange(list, 1, mostInBatch);
  return children;
}

function readDraft(element: XmlElement, maximumMessageBytes: number): MessageDraft {
  const body = element.children.find(({ name }) => name === 'MessageBody');
  // Markup in a body that should have been escaped makes it an element with children.
  if (element.name !== 'Message' || body === undefined || body.children.length > 0) {
    throw new MnsFailure('MalformedXML');
  }
  const number = (name: string, low: number, high: number, unit = ''): number | undefined => {
    const text = childText(element, name);
    return text === undefined || text === '' ? undefined : numberInRange(name, text, low, high, unit);
  };
  const delaySeconds = number('DelaySeconds', 0, maximumDelaySeconds, ' seconds');
  const draft: MessageDraft = {
    body: Buffer.from(body.text, 'utf8'),
    priority: number('Priority', 1, 16) ?? 8,
    delayMs: delaySeconds === undefined ? undefined : delaySeconds * 1000,
    enqueueTimeMs: undefined,
    userProperties: readProperties(element, 'UserProperties'),
    systemProperties: readProperties(element, 'SystemProperties'),
    messageGroupId: childText(element, 'MessageGroupId'),
  };
  if (sizeOf(draft) > maximumMessageBytes) throw outOfRange('MessageBody', 1, maximumMessageBytes, ' bytes');
  return draft;
}

function readProperties(element: XmlElement, list: string): MessageProperty[] {
  const properties = grandChildren(element, list).map((entry) => {
    const name = childText(entry, 'Name') ?? '';
    const value = childText(entry, 'Value') ?? '';
    const type = childText(entry, 'Type') ?? 'STRING';
    if (!propertyName.test(name))
      throw new MnsFailure('InvalidArgument', `The name of a property is not valid.`);
    if (!propertyTypes.includes(type))
      throw new MnsFailure('InvalidArgument', `The type of a property is not valid.`);
    if (value.length > longestPropertyValue)
      throw outOfRange('Value', 0, longestPropertyValue, ' characters');
    return { name, value, type };
  });
  if (properties.length > mostProperties) throw outOfRange(list, 0, mostProperties);
  return properties;
}

/** User properties count towards the size of a message. */
function sizeOf({ body, userProperties }: MessageDraft): number {
  return userProperties.reduce(
    (sum, { name, value }) => sum + name.length + Buffer.byteLength(value),
    body.length,
  );
}
