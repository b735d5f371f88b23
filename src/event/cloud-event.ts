import { CloudEvent } from 'cloudevents';
import { attributeText } from './attribute.js';
import { eventId } from './event-id.js';
import { isInstant } from './instant.js';
import { defaultSubjectPrefix, eventSubject } from './layout.js';
import { nativeTypeNamed, nativeTypeOf } from './native-events.js';
import { eventSource, eventTypeOf, type EventOrigin, type VodEvent } from './vod-event.js';

const typePrefix = 'com.aliyun.vod.';

/** An event as it goes to NATS, in the structured mode of the CloudEvents NATS binding. */
export interface EventMessage {
  /** The `Nats-Msg-Id`, and the `id` of the CloudEvent. */
  readonly id: string;
  /** The NATS subject. */
  readonly subject: string;
  /** The value of the header `Content-Type`. */
  readonly contentType: 'application/cloudevents+json';
  /** The CloudEvent as JSON. */
  readonly body: string;
  /** Epoch milliseconds: before this it was published nowhere. */
  readonly happenedAtMs?: number;
}

/**
 * The CloudEvent of a VOD event. Never throws, whatever the event holds.
 *
 * - `time` is EventTime exactly as received, so that the id can be recomputed from the published event. For
 * want of   a valid EventTime it is `fallbackTime`: the enqueue time of the message, RFC 3339 in UTC. -
 * CloudEvents forbids control characters, lone surrogates and noncharacters in attributes. In `subject`,
 * `type`   and `queue` these, and `%`, are percent-encoded from UTF-8. In `subject`, `<MediaType>/<MediaId>`,
 * so is a `/`   within MediaType, so that the first `/` is always the separator. `data` has the exact values.
 * - `data` of a foreign event is its JSON text exactly as received; its `subject` is its media id, if it has
 * one.
 */
export function toCloudEvent(
  event: VodEvent,
  origin: EventOrigin,
  fallbackTime: string,
  prefix = defaultSubjectPrefix,
): EventMessage {
  const source = eventSource(origin);
  const id = eventId(source, event);
  const time = event.eventTime !== undefined && isInstant(event.eventTime) ? event.eventTime : fallbackTime;
  const envelope = new CloudEvent({
    specversion: '1.0',
    id,
    source,
    time,
    datacontenttype: 'application/json',
    queue: attributeText(origin.queue),
    ...ownAttributes(event),
  });
  // The library prints the time with milliseconds: the same instant in other words than VOD's.
  const json = JSON.stringify({ ...envelope.toJSON(), time });
  return {
    id,
    subject: eventSubject(prefix, event),
    contentType: 'application/cloudevents+json',
    body: event.kind === 'foreign' ? `${json.slice(0, -1)},"data":${event.json}}` : json,
    happenedAtMs: Math.min(Date.parse(time), Date.parse(fallbackTime)),
  };
}

/** The start of a CloudEvent that a replay has marked. */
const replayMark = /^\{"replayid":"[A-Za-z0-9-]*",/;

/**
 * A CloudEvent of `toCloudEvent` with the extension attribute `replayid`, which replaces an earlier one. Done
 * on the text: `data` of a foreign event would not survive parsing. The replay id consists of letters, digits
 * and hyphens.
 */
export function withReplayId(body: string, replayId: string): string {
  return `{"replayid":"${replayId}",${body.replace(replayMark, '{').slice(1)}`;
}

/** The event that a stored CloudEvent describes. */
export interface StoredEvent {
  readonly id: string;
  readonly time: string;
  /** For a foreign event, `json` is what the stored JSON means, not its exact text. */
  readonly event: VodEvent;
}

/** Reads back what `toCloudEvent` wrote. @returns undefined when the text is not such a CloudEvent. */
export function fromCloudEvent(body: string): StoredEvent | undefined {
  let envelope: StoredEnvelope | null;
  try {
    envelope = JSON.parse(body) as StoredEnvelope | null;
  } catch {
    return undefined;
  }
  const { id, time, type, subject, data } = envelope ?? {};
  if (typeof id !== 'string' || typeof time !== 'string' || typeof type !== 'string') return undefined;
  if (!type.startsWith(typePrefix) || typeof data !== 'object' || data === null) return undefined;
  const eventType = type.slice(typePrefix.length);
  const native = nativeTypeNamed(eventType);
  if (native) return { id, time, event: native.fromData(data as Record<string, unknown>, time) };
  const event: VodEvent = {
    kind: 'foreign',
    eventType: attributeValue(eventType),
    eventTime: time,
    ...(typeof subject === 'string' && { mediaId: attributeValue(subject) }),
    json: JSON.stringify(data),
  };
  return { id, time, event };
}

interface StoredEnvelope {
  id?: unknown;
  time?: unknown;
  type?: unknown;
  subject?: unknown;
  data?: unknown;
}

function ownAttributes(event: VodEvent): {
  type: string;
  subject?: string;
  dataschema?: string;
  data?: unknown;
} {
  const type = cloudEventType(eventTypeOf(event));
  if (event.kind === 'foreign') {
    return event.mediaId ? { type, subject: attributeText(event.mediaId) } : { type };
  }
  const native = nativeTypeOf(event);
  return {
    type,
    subject: native.cloudEventSubject(event),
    dataschema: native.schema,
    data: native.toData(event),
  };
}

/** The text that `attributeText` encoded; the encoded one where that is not UTF-8. */
function attributeValue(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** The CloudEvents `type` of a VOD event: its EventType after `com.aliyun.vod.`. */
export function cloudEventType(eventType: string): string {
  return `${typePrefix}${attributeText(eventType)}`;
}
