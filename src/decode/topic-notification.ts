import { SaxesParser } from 'saxes';
import { BodyFault, offset } from './body-fault.js';
import type { JsonObject } from './members.js';

const maxXmlDepth = 8;
/** Sixteen times the largest message MNS takes. */
const maxXmlLength = 1_048_576;

/**
 * Whether an object is the JSON an MNS topic wraps a message in when it delivers to a queue. An event that
 * happens to have such fields is still an event.
 */
export function isJsonNotification(object: JsonObject): boolean {
  if (Object.hasOwn(object, 'EventType')) return false;
  return ['TopicOwner', 'TopicName', 'Message'].every((name) => Object.hasOwn(object, name));
}

/** The message inside a JSON notification. Throws BodyFault `envelope-invalid`. */
export function jsonNotificationMessage(object: JsonObject): string {
  const message = object['Message'];
  if (typeof message === 'string') return message;
  throw new BodyFault('envelope-invalid', 'Message of the topic notification must be a string', 'Message');
}

/**
 * The message inside an XML notification, the default form of a topic subscription:
 *
 *     <Notification xlmns="…">…<Message>…</Message>…</Notification>
 *
 * The misspelt attribute is the vendor's and means nothing to us. The vendor's own sample closes
 * `<PublishTime>` with `</MessagePublishTime>`: that is not XML, and guessing what it means is not this
 * parser's business. DOCTYPE is refused, so there are no entities to expand.
 *
 * Throws BodyFault `envelope-invalid` for anything else.
 */
export function xmlNotificationMessage(xml: string): string {
  const parser = new SaxesParser();
  const path: string[] = [];
  let message: string | undefined;

  const fail = (reason: string): never => {
    throw new BodyFault('envelope-invalid', reason, offset(parser.position));
  };
  const addText = (text: string): void => {
    if (path.length === 2 && path[1] === 'Message') message = (message ?? '') + text;
  };

  // The parser's own message is dropped on purpose: it quotes the body.
  parser.on('error', () => fail('the topic notification must be well-formed XML'));
  parser.on('doctype', () => fail('the topic notification must not have a DOCTYPE'));
  parser.on('opentag', ({ name }) => {
    if (path.length === 0 && name !== 'Notification') fail('the root element must be Notification');
    if (path.length === 1 && name === 'Message') {
      if (message !== undefined) fail('the topic notification must have one Message');
      message = '';
    }
    if (path[1] === 'Message') fail('Message of the topic notification must hold text only');
    path.push(name);
    if (path.length > maxXmlDepth)
      fail(`the topic notification is nested more than ${maxXmlDepth} levels deep`);
  });
  parser.on('closetag', () => {
    path.pop();
  });
  parser.on('text', addText);
  parser.on('cdata', addText);

  if (xml.length > maxXmlLength) fail(`the topic notification is longer than ${maxXmlLength} characters`);
  parser.write(xml).close();
  if (message !== undefined) return message;
  throw new BodyFault('envelope-invalid', 'the topic notification must have a Message', 'Message');
}
