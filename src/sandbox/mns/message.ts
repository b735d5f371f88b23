import { createHash } from 'node:crypto';
import type { FeedMessage, MessageHistory, MessageProperty } from '../control/types.js';
import type { Due } from './due-heap.js';
import { escapeBytes, escapeText, line, type WireString } from './xml-out.js';

/** A message before it is in a queue. */
export interface MessageDraft {
  body: Buffer;
  /** 1 (first) to 16. */
  priority: number;
  /** Undefined: the delay of the queue. */
  delayMs: number | undefined;
  /** Undefined: the time of the call. */
  enqueueTimeMs: number | undefined;
  userProperties: readonly MessageProperty[];
  systemProperties: readonly MessageProperty[];
  messageGroupId: string | undefined;
}

/** An entry of a queue's heaps. */
export interface MessageDue extends Due {
  readonly message: Message;
}

/** One message in a queue. Only its queue writes it. */
export class Message {
  readonly id: string;
  readonly draft: MessageDraft;
  readonly bodyMd5: string;
  /** The body escaped, once and for all deliveries. */
  readonly bodyXml: WireString;
  readonly enqueueTimeMs: number;
  readonly history: MessageHistory;
  state: 'active' | 'inactive' | 'delayed' | 'gone' = 'active';
  dequeueCount = 0;
  firstDequeueMs = 0;
  /** The only valid receipt handle, or empty. */
  handle = '';
  /** Somebody received the message and may still delete it. */
  isHeld = false;
  /** When a delayed or inactive message becomes visible. */
  readonly wake: MessageDue = { dueMs: 0, heapIndex: -1, message: this };
  /** When the message is dropped for its age. */
  readonly expiry: MessageDue = { dueMs: 0, heapIndex: -1, message: this };

  constructor(id: string, draft: MessageDraft, nowMs: number) {
    this.id = id;
    this.draft = draft;
    this.bodyMd5 = bodyMd5(draft);
    this.bodyXml = escapeBytes(draft.body);
    this.enqueueTimeMs = draft.enqueueTimeMs ?? nowMs;
    this.history = {
      id,
      sentMs: nowMs,
      deliveries: 0,
      visibilityChanges: 0,
      releases: 0,
      lastDeliveredMs: null,
      lastReleasedMs: null,
      end: null,
      endMs: null,
    };
  }
}

/** The draft of a message given over the control endpoint. */
export function draftFromFeed(feed: FeedMessage): MessageDraft {
  const { body = '', bodyBase64 } = feed;
  return {
    body: bodyBase64 === undefined ? Buffer.from(body, 'utf8') : Buffer.from(bodyBase64, 'base64'),
    priority: Math.min(16, Math.max(1, Math.floor(feed.priority ?? 8))),
    delayMs: feed.delayMs,
    enqueueTimeMs: feed.enqueueTimeMs,
    userProperties: feed.userProperties ?? [],
    systemProperties: feed.systemProperties ?? [],
    messageGroupId: feed.messageGroupId,
  };
}

/**
 * MNS gives the MD5 of the body, except that with user properties it gives something else (recordings of the
 * real service agree with no known formula): nobody may check it, and this value punishes those who do.
 */
function bodyMd5({ body, userProperties }: MessageDraft): string {
  const hash = createHash('md5').update(body);
  for (const { name, value } of userProperties) hash.update(`${name}=${value};`);
  return hash.digest('hex').toUpperCase();
}

/**
 * A `<Message>` answer's children. A peeked message has neither handle nor next visible time; of one that was
 * never received, the first dequeue time is that of enqueueing.
 */
export function messageLines(depth: number, message: Message, isPeek = false): WireString {
  const { draft } = message;
  let lines = line(depth, 'MessageId', message.id) + line(depth, 'MessageBodyMD5', message.bodyMd5);
  lines += line(depth, 'MessageBody', message.bodyXml);
  if (!isPeek) lines += line(depth, 'ReceiptHandle', message.handle);
  lines += line(depth, 'EnqueueTime', message.enqueueTimeMs);
  lines += line(depth, 'FirstDequeueTime', message.firstDequeueMs || message.enqueueTimeMs);
  if (!isPeek) lines += line(depth, 'NextVisibleTime', message.wake.dueMs);
  lines += line(depth, 'DequeueCount', message.dequeueCount) + line(depth, 'Priority', draft.priority);
  lines += propertyLines(depth, 'UserProperties', 'PropertyValue', draft.userProperties);
  lines += propertyLines(depth, 'SystemProperties', 'SystemPropertyValue', draft.systemProperties);
  if (draft.messageGroupId !== undefined) {
    lines += line(depth, 'MessageGroupId', escapeText(draft.messageGroupId));
  }
  return lines;
}

function propertyLines(
  depth: number,
  list: string,
  entry: string,
  properties: readonly MessageProperty[],
): WireString {
  if (properties.length === 0) return '';
  const indent = '  '.repeat(depth);
  let lines = `${indent}<${list}>\n`;
  for (const { name, value, type = 'STRING' } of properties) {
    lines += `${indent}  <${entry}>\n`;
    lines += line(depth + 2, 'Name', escapeText(name)) + line(depth + 2, 'Value', escapeText(value));
    lines += `${line(depth + 2, 'Type', escapeText(type))}${indent}  </${entry}>\n`;
  }
  return `${lines}${indent}</${list}>\n`;
}
