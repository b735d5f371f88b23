import { CloudEvent } from 'cloudevents';
import { attributeText, mediaSubject } from './attribute.js';
import { eventId } from './event-id.js';
import { isInstant } from './instant.js';
import { defaultSubjectPrefix, eventSubject } from './subject.js';
import {
  deleteMediaCompleteType,
  eventSource,
  type DeleteMediaComplete,
  type EventOrigin,
  type VodEvent,
} from './vod-event.js';

/** The `dataschema` of DeleteMediaComplete; the schema is in `schema/delete-media-complete.1.schema.json`. */
export const deleteMediaCompleteSchema = 'urn:vod-relay:schema:DeleteMediaComplete:1';

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
}

/**
 * The CloudEvent of a VOD event. Never throws, whatever the event holds.
 *
 * - `time` is EventTime exactly as received, so that the id can be recomputed from the published event. For want of
 *   a valid EventTime it is `fallbackTime`: the enqueue time of the message, RFC 3339 in UTC.
 * - CloudEvents forbids control characters, lone surrogates and noncharacters in attributes. In `subject`, `type`
 *   and `queue` these, and `%`, are percent-encoded from UTF-8. In `subject`, `<MediaType>/<MediaId>`, so is a `/`
 *   within MediaType, so that the first `/` is always the separator. `data` has the exact values.
 * - `data` of a foreign event is its JSON text exactly as received; its `subject` is its media id, if it has one.
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
  };
}

function ownAttributes(event: VodEvent): {
  type: string;
  subject?: string;
  dataschema?: string;
  data?: unknown;
} {
  if (event.kind === 'foreign') {
    const type = cloudEventType(event.eventType);
    return event.mediaId ? { type, subject: attributeText(event.mediaId) } : { type };
  }
  return {
    type: cloudEventType(deleteMediaCompleteType),
    subject: mediaSubject(event),
    dataschema: deleteMediaCompleteSchema,
    data: normalizedData(event),
  };
}

function normalizedData(event: DeleteMediaComplete): Record<string, unknown> {
  const { mediaId, mediaType, deleteType, status, jobIds, error, extra } = event;
  return {
    mediaId,
    mediaType,
    deleteType,
    status,
    jobIds,
    ...(error === undefined ? {} : { error }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** The CloudEvents `type` of a VOD event: its EventType after `com.aliyun.vod.`. */
export function cloudEventType(eventType: string): string {
  return `com.aliyun.vod.${attributeText(eventType)}`;
}
