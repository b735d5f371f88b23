import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import t from 'tap';
import { toCloudEvent, type EventMessage } from '../../../src/event/cloud-event.js';
import { eventId } from '../../../src/event/event-id.js';
import { isInstant } from '../../../src/event/instant.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import type { ForeignEvent } from '../../../src/event/vod-event.js';
import { anyDeleteMediaComplete, anyEventTime, anyJson, anyText, nonEmptyText } from './arbitrary-events.js';

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const isValidDeletion = ajv.compile(readSchema('delete-media-complete.1.schema.json'));
const isValidForeign = ajv.compile(readSchema('foreign-event.1.schema.json'));

const origin = { region: 'cn-shanghai', account: '1234567890123456', queue: 'vod-events' };
const enqueued = '2026-09-25T01:28:34.123Z';

const success: DeleteMediaComplete = {
  kind: 'delete-media-complete',
  eventTime: '2017-03-20T07:49:17Z',
  status: 'success',
  mediaType: 'video',
  deleteType: 'all',
  mediaId: '1234343b689jsi3ka5422dfe1e47****',
  jobIds: [],
  extra: {},
};

t.test('a DeleteMediaComplete becomes the documented CloudEvent', async (t) => {
  const message = toCloudEvent(success, origin, enqueued);
  t.equal(message.id, eventId('acs:vod:cn-shanghai:1234567890123456', success));
  t.equal(
    message.subject,
    'vod.event.DeleteMediaComplete.success.video.all.1234343b689jsi3ka5422dfe1e47%2A%2A%2A%2A',
  );
  t.equal(message.contentType, 'application/cloudevents+json');
  t.strictSame(parse(message), {
    specversion: '1.0',
    id: message.id,
    source: 'acs:vod:cn-shanghai:1234567890123456',
    type: 'com.aliyun.vod.DeleteMediaComplete',
    subject: 'video/1234343b689jsi3ka5422dfe1e47****',
    time: '2017-03-20T07:49:17Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:vod-relay:schema:DeleteMediaComplete:1',
    queue: 'vod-events',
    data: {
      mediaId: '1234343b689jsi3ka5422dfe1e47****',
      mediaType: 'video',
      deleteType: 'all',
      status: 'success',
      jobIds: [],
    },
  });
  t.equal(
    toCloudEvent(success, origin, enqueued, 'a.b').subject.split('.event.')[0],
    'a.b',
    'takes another prefix',
  );
});

t.test('the error and unknown fields are in data only when VOD sent some', async (t) => {
  const extra = JSON.parse('{"__proto__":{"x":1},"constructor":"c","New":[null,1.5]}') as Record<
    string,
    unknown
  >;
  const message = toCloudEvent({ ...success, error: { code: 'InternalError' }, extra }, origin, enqueued);
  t.match(message.body, '"error":{"code":"InternalError"}');
  t.match(message.body, '"extra":{"__proto__":{"x":1},"constructor":"c","New":[null,1.5]}');
  t.ok(isValidDeletion(JSON.parse(message.body)));
});

t.test('a foreign event carries its JSON text exactly as received', async (t) => {
  const json =
    '{ "EventType":"SnapshotComplete", "Size":12345678901234567890, "R":1.50, "__proto__":{}, "R":2 }';
  const event: ForeignEvent = { kind: 'foreign', eventType: 'SnapshotComplete', mediaId: 'm/1', json };
  const message = toCloudEvent(event, origin, enqueued);
  t.ok(message.body.endsWith(`,"data":${json}}`));
  t.match(parse(message), { type: 'com.aliyun.vod.SnapshotComplete', subject: 'm/1', time: enqueued });
  t.notOk('dataschema' in parse(message));
  t.ok(isValidForeign(parse(message)), JSON.stringify(isValidForeign.errors));

  const timed = toCloudEvent({ ...event, eventTime: '2026-09-25T01:28:30.5Z' }, origin, enqueued);
  t.equal(parse(timed)['time'], '2026-09-25T01:28:30.5Z', 'has its own time if it is valid');
  const mistimed = toCloudEvent({ ...event, eventTime: '2026-02-30T00:00:00Z' }, origin, enqueued);
  t.equal(parse(mistimed)['time'], enqueued, 'has the time of the message if its own is not');
  const unnamed: ForeignEvent = { kind: 'foreign', eventType: 'SnapshotComplete', json };
  t.notOk('subject' in parse(toCloudEvent(unnamed, origin, enqueued)), 'has no subject without a media id');
});

t.test('attributes hold nothing that CloudEvents forbids, and data holds the exact value', async (t) => {
  const mediaId = 'a%\r\n\u0085\ufdd0\ud800\u{1ffff}é/😀';
  const message = toCloudEvent(
    { ...success, mediaType: 'v/i', mediaId },
    { ...origin, queue: 'q\n' },
    enqueued,
  );
  const event = parse(message);
  t.equal(event['subject'], 'v%2Fi/a%25%0D%0A%C2%85%EF%B7%90%ED%A0%80%F0%9F%BF%BFé/😀');
  t.equal(event['queue'], 'q%0A');
  t.match(event['data'], { mediaId, mediaType: 'v/i' });
  t.equal(
    parse(toCloudEvent({ kind: 'foreign', eventType: 'A\nB', json: '{}' }, origin, enqueued))['type'],
    'com.aliyun.vod.A%0AB',
  );
});

t.test('every event becomes a valid CloudEvent', async (t) => {
  const anyOrigin = fc.record({ region: anyText, account: anyText, queue: anyText });
  const forbidden = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
  const isClean = (event: Record<string, unknown>): boolean =>
    Object.values(event).every((value) => typeof value !== 'string' || !forbidden.test(value));
  fc.assert(
    fc.property(anyDeleteMediaComplete, anyOrigin, (event, from) => {
      const message = toCloudEvent(event, from, enqueued);
      const parsed = parse(message);
      if (!isValidDeletion(parsed)) throw new Error(JSON.stringify(isValidDeletion.errors));
      return isClean(parsed) && parsed['id'] === message.id;
    }),
  );
  fc.assert(
    fc.property(
      nonEmptyText.filter((text) => text !== 'DeleteMediaComplete'),
      fc.option(nonEmptyText, { nil: undefined }),
      fc.option(fc.oneof(anyText, anyEventTime), { nil: undefined }),
      fc.dictionary(anyText, anyJson),
      anyOrigin,
      (eventType, mediaId, eventTime, body, from) => {
        const event: ForeignEvent = {
          kind: 'foreign',
          eventType,
          ...(mediaId === undefined ? {} : { mediaId }),
          ...(eventTime === undefined ? {} : { eventTime }),
          json: JSON.stringify(body, null, 1),
        };
        const parsed = parse(toCloudEvent(event, from, enqueued));
        if (!isValidForeign(parsed)) throw new Error(JSON.stringify(isValidForeign.errors));
        return isClean(parsed);
      },
    ),
  );
  t.pass();
});

t.test('an event that decoding cannot produce does not throw either', async (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const empty = { eventTime: text, status: text, mediaType: text, deleteType: text, mediaId: text };
      toCloudEvent({ ...success, ...empty, jobIds: [text] }, origin, enqueued);
      toCloudEvent({ kind: 'foreign', eventType: text, mediaId: text, json: text }, origin, enqueued);
    }),
  );
  t.pass();
});

t.test('an instant', async (t) => {
  const real = [
    '2017-03-20T07:49:17Z',
    '2024-02-29T23:59:59Z',
    '2017-03-20T07:49:17.123456789Z',
    '0000-01-01T00:00:00Z',
  ];
  const unreal = [
    '',
    '2017-03-20 07:49:17',
    '2017-03-20T07:49:17',
    '2017-03-20T07:49:17+08:00',
    '2017-03-20t07:49:17z',
    '2017-03-20T07:49Z',
    '2017-3-20T07:49:17Z',
    '2017-02-29T00:00:00Z',
    '2017-13-01T00:00:00Z',
    '2017-03-20T24:00:00Z',
    '2017-03-20T07:49:60Z',
    '2017-03-20T07:49:17.Z',
    '2017-03-20T07:49:17.1234567890Z',
    '2017-03-20T07:49:17Z\n',
  ];
  for (const text of real) t.ok(isInstant(text), text);
  for (const text of unreal) t.notOk(isInstant(text), JSON.stringify(text));
});

function parse(message: EventMessage): Record<string, unknown> {
  return JSON.parse(message.body) as Record<string, unknown>;
}

function readSchema(name: string): object {
  return JSON.parse(
    readFileSync(new URL(`../../../src/event/schema/${name}`, import.meta.url), 'utf8'),
  ) as object;
}
