import { CloudEvent } from 'cloudevents';
import { isAttributeText, mediaSubject } from './attribute.js';
import { cloudEventType, type EventMessage } from './cloud-event.js';
import { followUpId } from './event-id.js';
import type { FollowUp, FollowUpOutcome, FollowUpResult } from './follow-up.js';
import { isInstant } from './instant.js';
import { followUpSubject } from './layout.js';
import { deleteMediaComplete } from './delete-media-complete.js';

/** The `dataschema` of a follow-up's outcome; the schema is in `schema/follow-up.1.schema.json`. */
export const followUpSchema = 'urn:vod-relay:schema:FollowUp:1';

/** All that `eventSource` can give. */
const vodSource = /^acs:vod:[A-Za-z0-9._~%-]*:[A-Za-z0-9._~%-]*$/;

/**
 * The CloudEvent that tells what came of taking a follow-up up. A follow-up that `readFollowUp` gave never
 * makes it throw: its `source`, `queue` and `replayId` can be attributes as they are.
 *
 * A postponed one holds everything to take the follow-up up again: `readFollowUp` gives it back with the
 * attempts of `result`, one postponement more, and waits from `nowMs` until `result` says, or not at all when
 * it does not.
 *
 * @param nowMs epoch milliseconds; the `time` of the event, from which a wait is counted.
 */
export function toFollowUpEvent(
  followUp: FollowUp,
  result: FollowUpResult,
  prefix: string,
  nowMs: number,
): EventMessage {
  const postponed = result.outcome === 'postponed';
  const postponements = followUp.postponements + (postponed ? 1 : 0);
  const id = followUpId(followUp, postponed ? postponements : undefined);
  const { eventId, eventTime, knownSinceMs, mediaId, mediaType, deleteType, status, errorCode } = followUp;
  const { outcome, row, reason, attempts, requestId, code, dueMs = nowMs } = result;
  const envelope = new CloudEvent({
    specversion: '1.0',
    id,
    source: followUp.source,
    type: followUpType(outcome),
    subject: mediaSubject(followUp),
    time: instant(nowMs),
    datacontenttype: 'application/json',
    dataschema: followUpSchema,
    queue: followUp.queue,
    ...(followUp.replayId === undefined ? {} : { replayid: followUp.replayId }),
    data: {
      outcome,
      row,
      reason,
      eventId,
      eventTime,
      ...(knownSinceMs === undefined ? {} : { knownSince: instant(knownSinceMs) }),
      mediaId,
      mediaType,
      deleteType,
      status,
      ...(errorCode === undefined ? {} : { errorCode }),
      attempts,
      postponements,
      ...(requestId === undefined ? {} : { requestId }),
      ...(code === undefined ? {} : { code }),
      ...(postponed ? { dueTime: instant(dueMs) } : {}),
    },
  });
  return {
    id,
    subject: followUpSubject(prefix, outcome, mediaId),
    contentType: 'application/cloudevents+json',
    body: JSON.stringify(envelope),
  };
}

/**
 * The follow-up that a stored DeleteMediaComplete asks for, or that an event of the outcome `postponed` puts
 * off. Its `eventTime` is an instant that exists. Values are carried as they are: whether they are known is
 * for the plan.
 *
 * @returns undefined for any other text. Never throws. An optional field of a wrong type makes the text
 * another one   too: an error code that is passed over could lead to a call that it forbids.
 */
export function readFollowUp(text: string): FollowUp | undefined {
  const event = parseObject(text);
  const data = event?.['data'];
  if (event === undefined || !isObject(data)) return undefined;
  switch (event['type']) {
    case cloudEventType(deleteMediaComplete.eventType):
      return fromDeletion(event, data);
    case followUpType('postponed'):
      return fromPostponed(event, data);
    default:
      return undefined;
  }
}

/**
 * The follow-up that an event of the outcome `failed` gave up on, to be taken up afresh.
 *
 * @returns undefined for any other text. Never throws.
 */
export function readFailedFollowUp(text: string): FollowUp | undefined {
  const event = parseObject(text);
  const data = event?.['data'];
  if (event?.['type'] !== followUpType('failed') || !isObject(data)) return undefined;
  const { eventId, eventTime, knownSince, errorCode } = data;
  const afresh = { attempts: 0, postponements: 0, waitMs: 0 };
  return followUpOf(event, data, { eventId, eventTime, knownSince, errorCode, ...afresh });
}

/** Which outcome a stored event tells of. */
export interface StoredOutcome {
  /** As `followUpId` gives it. */
  id: string;
  /** How often its follow-up was put off, this time included; undefined for a final outcome. */
  postponement: number | undefined;
}

/** @returns undefined for any text that is no outcome. Never throws. */
export function readOutcome(text: string): StoredOutcome | undefined {
  const event = parseObject(text);
  const data = event?.['data'];
  if (event === undefined || !isObject(data) || !isText(event['id'])) return undefined;
  const { id } = event;
  if (event['type'] !== followUpType('postponed')) return { id, postponement: undefined };
  const { postponements } = data;
  return isCount(postponements) ? { id, postponement: postponements } : undefined;
}

function fromDeletion(event: Fields, data: Fields): FollowUp | undefined {
  const { error = {} } = data;
  if (!isObject(error)) return undefined;
  return followUpOf(event, data, {
    eventId: event['id'],
    eventTime: event['time'],
    knownSince: undefined,
    errorCode: error['code'],
    attempts: 0,
    postponements: 0,
    waitMs: 0,
  });
}

function fromPostponed(event: Fields, data: Fields): FollowUp | undefined {
  const { eventId, eventTime, knownSince, errorCode, attempts, postponements, dueTime } = data;
  const { time } = event;
  if (!isTime(dueTime) || !isTime(time)) return undefined;
  // The clock that wrote both may be off: how far they are apart is right nevertheless.
  const waitMs = Math.min(Math.max(0, Date.parse(dueTime) - Date.parse(time)), longestWaitMs);
  return followUpOf(event, data, {
    eventId,
    eventTime,
    knownSince,
    errorCode,
    attempts,
    postponements,
    waitMs,
  });
}

/**
 * The parts that the two kinds of event have in the same place are taken from there; `own` are the others.
 */
function followUpOf(
  event: Fields,
  data: Fields,
  own: Record<
    'eventId' | 'eventTime' | 'knownSince' | 'errorCode' | 'attempts' | 'postponements',
    unknown
  > & {
    waitMs: number;
  },
): FollowUp | undefined {
  const { source, queue, replayid: replayId } = event;
  const { mediaId, mediaType, deleteType, status } = data;
  const { eventId, eventTime, knownSince, errorCode, attempts, postponements, waitMs } = own;
  if (!isText(source) || !vodSource.test(source)) return undefined;
  if (!isText(queue) || !isAttributeText(queue)) return undefined;
  if (!isOptionalText(replayId) || !isAttributeText(replayId ?? '')) return undefined;
  if (!isText(eventId) || !isTime(eventTime) || !isOptionalText(errorCode)) return undefined;
  if (!isText(mediaId) || !isText(mediaType) || !isText(deleteType) || !isText(status)) return undefined;
  if (knownSince !== undefined && !isTime(knownSince)) return undefined;
  if (!isCount(attempts) || !isCount(postponements)) return undefined;
  return {
    eventId,
    source,
    queue,
    eventTime,
    ...(knownSince === undefined ? {} : { knownSinceMs: Date.parse(knownSince) }),
    mediaId,
    mediaType,
    deleteType,
    status,
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(replayId === undefined ? {} : { replayId }),
    attempts,
    postponements,
    waitMs,
  };
}

/** VOD removes the parts of an upload itself by then: no wait is of use beyond. */
const longestWaitMs = 7 * 24 * 3_600_000;

function followUpType(outcome: FollowUpOutcome): string {
  return `vod-relay.follow-up.${outcome}`;
}

function instant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && isInstant(value);
}

/** Counts of the follow-up half stay far below: a larger number comes from elsewhere. */
const mostCounted = 1e9;

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= mostCounted;
}
