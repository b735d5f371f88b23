/**
 * From the body of an MNS message to an event. VOD does not document whether it writes raw JSON or Base64,
 * and a queue may also be fed by an MNS topic, so that a body is one of
 *
 *     event | Base64(event) | notification(event) | notification(Base64(event))
 *
 * or Base64 of one of the last two. Raw JSON is always tried first: a decoder that takes Base64 for granted
 * destroys raw bodies. Each of these may also be the text of a JSON string. The layers are finite: no Base64
 * directly in Base64, no notification in a notification, no string in a string.
 */
import type { UndecodableCode } from '../event/dead-letter-code.js';
import type { VodEvent } from '../event/vod-event.js';
import { decodeBase64Text, isStrictBase64 } from './base64.js';
import { BodyFault, offset } from './body-fault.js';
import { jsonFaultOffset } from './json-fault.js';
import { parseJson } from './json-text.js';
import { isJsonObject } from './members.js';
import { readEvent } from './read-event.js';
import { isJsonNotification, jsonNotificationMessage, xmlNotificationMessage } from './topic-notification.js';

export type Decoded =
  | { readonly kind: 'event'; readonly event: VodEvent }
  | {
      readonly kind: 'undecodable';
      readonly code: UndecodableCode;
      /** The field and what is expected of it. Never a value, nor any other piece of the body. */
      readonly reason: string;
      /**
       * A field (`MediaId`, `JobIds[1]`), `offset N` or `base64`, after the layers around it: `Message >
       * base64 > MediaId`.
       */
      readonly at: string;
    };

type Layer = 'base64' | 'Message' | 'string';

/** The content of a layer: the event, or a text that is the next layer. */
type Opened = { readonly event: VodEvent } | { readonly layer: Layer; readonly text: string };

/** Decodes the body of one message. Never throws, whatever the body. */
export function decodeBody(body: string): Decoded {
  const layers: Layer[] = [];
  try {
    let text = body;
    for (;;) {
      const opened = openLayer(text, layers);
      if ('event' in opened) return { kind: 'event', event: opened.event };
      layers.push(opened.layer);
      text = opened.text;
    }
  } catch (error) {
    if (!(error instanceof BodyFault)) throw error;
    const at = [...layers, error.at].join(' > ');
    return { kind: 'undecodable', code: error.code, reason: error.message, at };
  }
}

function openLayer(received: string, around: readonly Layer[]): Opened {
  // Takes a byte order mark away as well.
  const text = received.trim();
  if (text === '') throw new BodyFault('empty-body', 'there is no text', offset(0));
  if (text.startsWith('<')) return notification(around, () => xmlNotificationMessage(text));

  const parsed = parseJson(text);
  if (!parsed.ok) return openBase64(text, around);
  const object = parsed.value;
  if (typeof object === 'string' && !around.includes('string')) return { layer: 'string', text: object };
  if (!isJsonObject(object)) throw new BodyFault('not-an-object', 'a JSON object is expected', offset(0));
  if (isJsonNotification(object)) return notification(around, () => jsonNotificationMessage(object));
  return { event: readEvent(object, text) };
}

function openBase64(text: string, around: readonly Layer[]): Opened {
  if (around.at(-1) !== 'base64' && isStrictBase64(text)) {
    return { layer: 'base64', text: decodeBase64Text(text) };
  }
  throw new BodyFault('not-json', 'JSON is expected', offset(jsonFaultOffset(text) ?? 0));
}

function notification(around: readonly Layer[], message: () => string): Opened {
  if (around.includes('Message')) {
    throw new BodyFault('envelope-invalid', 'a topic notification must not hold another one', offset(0));
  }
  return { layer: 'Message', text: message() };
}
