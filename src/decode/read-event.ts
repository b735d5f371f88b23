import { isInstant } from '../event/instant.js';
import { nativeTypeNamed } from '../event/native-events.js';
import type { ForeignEvent, VodEvent } from '../event/vod-event.js';
import { BodyFault } from './body-fault.js';
import { eventFields } from './event-fields.js';
import { jsonInText } from './json-text.js';
import { isJsonObject, member, type JsonObject } from './members.js';

/** The names of the media id in VOD's event types. */
const mediaIdNames = ['MediaId', 'VideoId', 'ImageId', 'AttachedMediaId'];

/**
 * The event in a JSON object; `json` is the text the object was parsed from. Throws BodyFault
 * `not-a-vod-event`, and for a native event `field-missing` or `field-invalid`.
 */
export function readEvent(object: JsonObject, json: string): VodEvent {
  const eventType = member(object, 'EventType');
  if (typeof eventType !== 'string' || eventType === '' || jsonInText(eventType) !== undefined) {
    throw new BodyFault('not-a-vod-event', 'EventType must be a non-empty string', 'EventType');
  }
  if (isAnotherVendors(object)) {
    throw new BodyFault('not-a-vod-event', 'an event of ApsaraVideo VOD has no Data.Vid', 'Data.Vid');
  }
  const native = nativeTypeNamed(eventType);
  return native ? native.read(eventFields(object, native.fields)) : readForeign(eventType, object, json);
}

/** Other vendors' VOD has an event of the same name and another shape: the media is `Data.Vid`. */
function isAnotherVendors(object: JsonObject): boolean {
  const inner = member(object, 'Data');
  return isJsonObject(inner) && Object.hasOwn(inner, 'Vid') && mediaIdOf(object) === undefined;
}

function readForeign(eventType: string, object: JsonObject, json: string): ForeignEvent {
  const eventTime = member(object, 'EventTime');
  const mediaId = mediaIdOf(object);
  return {
    kind: 'foreign',
    eventType,
    ...(typeof eventTime === 'string' && isInstant(eventTime) ? { eventTime } : {}),
    ...(mediaId === undefined ? {} : { mediaId }),
    json,
  };
}

function mediaIdOf(object: JsonObject): string | undefined {
  return mediaIdNames
    .map((name) => member(object, name))
    .find((value): value is string => typeof value === 'string' && value !== '');
}
