import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import t from 'tap';
import { toCloudEvent, type EventMessage } from '../../../src/event/cloud-event.js';
import { followUpId } from '../../../src/event/event-id.js';
import {
  followUpSchema,
  readFailedFollowUp,
  readFollowUp,
  toFollowUpEvent,
} from '../../../src/event/follow-up-event.js';
import { followUpOutcomes, type FollowUp, type FollowUpResult } from '../../../src/event/follow-up.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import { anyDeleteMediaComplete, anyJson, anyText, nonEmptyText } from './arbitrary-events.js';

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const schema = JSON.parse(
  readFileSync(new URL('../../../src/event/schema/follow-up.1.schema.json', import.meta.url), 'utf8'),
) as { $defs: { data: { properties: { outcome: { enum: string[] } } } } };
const isValid = ajv.compile(schema);

const outcomes = Object.keys(followUpOutcomes) as (keyof typeof followUpOutcomes)[];
const origin = { region: 'cn-shanghai', account: '1234567890123456', queue: 'vod-events' };
const nowMs = Date.parse('2026-11-20T10:00:00.250Z');

const failed: DeleteMediaComplete = {
  kind: 'delete-media-complete',
  eventTime: '2017-03-20T07:49:17Z',
  status: 'fail',
  mediaType: 'video',
  deleteType: 'all',
  mediaId: '1234343b689jsi3ka5422dfe1e47****',
  jobIds: [],
  error: { code: 'InternalError', message: 'The request failed.' },
  extra: {},
};

const followUp: FollowUp = {
  eventId: '1182a23a22fc16314bb5d7834f526ba9',
  source: 'acs:vod:cn-shanghai:1234567890123456',
  queue: 'vod-events',
  eventTime: '2017-03-20T07:49:17Z',
  mediaId: '1234343b689jsi3ka5422dfe1e47****',
  mediaType: 'video',
  deleteType: 'all',
  status: 'fail',
  attempts: 1,
  postponements: 2,
  waitMs: 3_000,
};

const deleted: FollowUpResult = {
  outcome: 'deleted',
  row: 'failed',
  reason: 'VOD has deleted the parts',
  attempts: 1,
  requestId: '25818875-5F78-4AF6-D7D5-7393A0F0E6A6',
};

const postponed: FollowUpResult = {
  outcome: 'postponed',
  row: 'failed',
  reason: 'the call failed',
  attempts: 2,
  code: 'InternalError',
  dueMs: Date.parse('2026-11-20T10:01:00.125Z'),
};

t.test('the event of a deletion becomes a follow-up', async (t) => {
  const { id, body } = toCloudEvent(failed, origin, '2026-09-25T01:28:34.123Z');
  const read = {
    eventId: id,
    source: 'acs:vod:cn-shanghai:1234567890123456',
    queue: 'vod-events',
    eventTime: '2017-03-20T07:49:17Z',
    mediaId: '1234343b689jsi3ka5422dfe1e47****',
    mediaType: 'video',
    deleteType: 'all',
    status: 'fail',
    errorCode: 'InternalError',
    attempts: 0,
    postponements: 0,
    waitMs: 0,
  };
  t.strictSame(readFollowUp(body), read);
  t.strictSame(
    readFollowUp(JSON.stringify({ ...parse(body), replayid: 'r-1' })),
    { ...read, replayId: 'r-1' },
    'of a replay, if it was published by one',
  );
  const { errorCode: _, ...uncoded } = read;
  const { error: __, ...silent } = failed;
  for (const event of [silent, { ...failed, error: { message: 'The request failed.' } }]) {
    const message = toCloudEvent(event, origin, '2026-09-25T01:28:34.123Z');
    t.strictSame(
      readFollowUp(message.body),
      { ...uncoded, eventId: message.id },
      'without a code if VOD sent none',
    );
  }
});

t.test('what an outcome `failed` gave up on is read back afresh', async (t) => {
  const gaveUp = { ...followUp, errorCode: 'InternalError', replayId: 'r-1' };
  const { body } = toFollowUpEvent(gaveUp, { ...deleted, outcome: 'failed', attempts: 10 }, 'vod', nowMs);
  t.strictSame(readFailedFollowUp(body), { ...gaveUp, attempts: 0, postponements: 0, waitMs: 0 });
  t.equal(readFollowUp(body), undefined, 'which the follow-up half by itself does not do');
  const others = [
    toFollowUpEvent(followUp, deleted, 'vod', nowMs).body,
    toFollowUpEvent(followUp, postponed, 'vod', nowMs).body,
    toCloudEvent(failed, origin, '2026-09-25T01:28:34.123Z').body,
    JSON.stringify({ ...parse(body), data: null }),
    JSON.stringify({ ...parse(body), source: 'elsewhere' }),
    body.slice(1),
    'null',
  ];
  for (const text of others) t.equal(readFailedFollowUp(text), undefined, text);
});

t.test('every event of a deletion becomes a follow-up that can be written', async (t) => {
  fc.assert(
    fc.property(anyDeleteMediaComplete, anyText, anyText, nonEmptyText, (event, region, account, queue) => {
      const message = toCloudEvent(event, { region, account, queue }, '2026-09-25T01:28:34.123Z');
      const read = readFollowUp(message.body);
      if (read === undefined) return false;
      const { mediaId, mediaType, deleteType, status } = read;
      const written = toFollowUpEvent(read, postponed, 'vod', nowMs);
      if (!isValid(parse(written.body))) throw new Error(JSON.stringify(isValid.errors));
      return (
        read.eventId === message.id &&
        read.errorCode === event.error?.code &&
        [mediaId, mediaType, deleteType, status].join() ===
          [event.mediaId, event.mediaType, event.deleteType, event.status].join() &&
        parse(written.body)['subject'] === parse(message.body)['subject']
      );
    }),
  );
  t.pass();
});

t.test('an outcome becomes the documented CloudEvent', async (t) => {
  const message = toFollowUpEvent({ ...followUp, errorCode: 'InternalError' }, deleted, 'vod', nowMs);
  t.equal(message.subject, 'vod.follow-up.deleted.1234343b689jsi3ka5422dfe1e47%2A%2A%2A%2A');
  t.equal(message.contentType, 'application/cloudevents+json');
  t.strictSame(parse(message.body), {
    specversion: '1.0',
    id: message.id,
    source: 'acs:vod:cn-shanghai:1234567890123456',
    type: 'vod-relay.follow-up.deleted',
    subject: 'video/1234343b689jsi3ka5422dfe1e47****',
    time: '2026-11-20T10:00:00.250Z',
    datacontenttype: 'application/json',
    dataschema: followUpSchema,
    queue: 'vod-events',
    data: {
      outcome: 'deleted',
      row: 'failed',
      reason: 'VOD has deleted the parts',
      eventId: '1182a23a22fc16314bb5d7834f526ba9',
      eventTime: '2017-03-20T07:49:17Z',
      mediaId: '1234343b689jsi3ka5422dfe1e47****',
      mediaType: 'video',
      deleteType: 'all',
      status: 'fail',
      errorCode: 'InternalError',
      attempts: 1,
      postponements: 2,
      requestId: '25818875-5F78-4AF6-D7D5-7393A0F0E6A6',
    },
  });
  t.equal(toFollowUpEvent(followUp, deleted, 'a.b', nowMs).subject.split('.follow-up.')[0], 'a.b');
});

t.test('a postponed follow-up is taken up again as the event says', async (t) => {
  for (const before of [followUp, { ...followUp, errorCode: 'InternalError', replayId: 'r-1' }]) {
    const message = toFollowUpEvent(before, postponed, 'vod', nowMs);
    t.match(parse(message.body), { data: { dueTime: '2026-11-20T10:01:00.125Z', postponements: 3 } });
    t.strictSame(readFollowUp(message.body), {
      ...before,
      attempts: 2,
      postponements: 3,
      waitMs: (postponed.dueMs ?? 0) - nowMs,
    });
  }
  const { dueMs: _, ...undated } = postponed;
  const message = toFollowUpEvent(followUp, undated, 'vod', nowMs);
  t.match(readFollowUp(message.body), { waitMs: 0 }, 'at once if nothing says when');
});

t.test('every follow-up survives being put off, and every outcome is valid', async (t) => {
  const attribute = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text));
  const count = fc.nat(1e9 - 1);
  const instantMs = fc.integer({ min: 0, max: Date.parse('9999-12-31T23:59:59Z') });
  const anyFollowUp = fc.record(
    {
      eventId: nonEmptyText,
      source: fc.constant(followUp.source),
      queue: attribute,
      eventTime: fc.constant(followUp.eventTime),
      mediaId: nonEmptyText,
      mediaType: nonEmptyText,
      deleteType: nonEmptyText,
      status: nonEmptyText,
      errorCode: nonEmptyText,
      replayId: attribute,
      attempts: count,
      postponements: count,
      knownSinceMs: instantMs,
      waitMs: count,
    },
    { noNullPrototype: true, requiredKeys: Object.keys(followUp) as (keyof typeof followUp)[] },
  );
  const anyResult = fc.record(
    {
      outcome: fc.constantFrom(...outcomes),
      row: nonEmptyText,
      reason: anyText,
      attempts: count,
      requestId: anyText,
      code: anyText,
      dueMs: instantMs,
    },
    { noNullPrototype: true, requiredKeys: ['outcome', 'row', 'reason', 'attempts', 'dueMs'] },
  );
  fc.assert(
    fc.property(anyFollowUp, anyResult, (before, result) => {
      const { body, id } = toFollowUpEvent(before, result, 'vod', nowMs);
      if (!isValid(parse(body))) throw new Error(JSON.stringify(isValid.errors));
      const after = readFollowUp(body);
      const expected =
        result.outcome === 'postponed'
          ? {
              ...before,
              attempts: result.attempts,
              postponements: before.postponements + 1,
              waitMs: Math.min(Math.max(0, result.dueMs - nowMs), 7 * 24 * 3_600_000),
            }
          : undefined;
      t.strictSame(after, expected);
      return parse(body)['id'] === id;
    }),
  );
});

t.test('the schema has every outcome, and a due time for a postponed one alone', async (t) => {
  t.same(schema.$defs.data.properties.outcome.enum, outcomes);
  const put = parse(toFollowUpEvent(followUp, postponed, 'vod', nowMs).body) as { data: object };
  const done = parse(toFollowUpEvent(followUp, deleted, 'vod', nowMs).body) as { data: object };
  const dueTime = '2026-11-20T10:01:00.125Z';
  t.ok(isValid(put));
  t.notOk(isValid({ ...put, data: { ...done.data, outcome: 'postponed' } }));
  t.notOk(isValid({ ...done, data: { ...done.data, dueTime } }));
  t.notOk(isValid({ ...done, data: { ...done.data, other: 1 } }));
});

t.test('the id of an outcome', async (t) => {
  const final = outcomes.filter((outcome) => outcome !== 'postponed');
  const ids = final.map((outcome) => {
    return toFollowUpEvent({ ...followUp, attempts: 9 }, { ...deleted, outcome }, 'vod', nowMs + 1).id;
  });
  t.same(
    new Set(ids),
    new Set([followUpId(followUp, undefined)]),
    'is the same for every final outcome of one follow-up',
  );
  t.equal(
    ids[0],
    hash128(`["follow-up","${followUp.eventId}",null]`),
    'can be recomputed from its documented form',
  );
  t.equal(
    toFollowUpEvent({ ...followUp, replayId: 'r' }, postponed, 'vod', nowMs).id,
    hash128(`["follow-up","${followUp.eventId}","r","postponed",3]`),
    'tells when it is a postponement, and which',
  );
  const others = [
    followUpId(followUp, undefined),
    followUpId({ ...followUp, replayId: 'r' }, undefined),
    followUpId({ ...followUp, eventId: 'e' }, undefined),
    followUpId(followUp, 1),
    followUpId(followUp, 2),
    followUpId({ ...followUp, replayId: 'r' }, 1),
  ];
  t.equal(new Set(others).size, others.length, 'differs by event, replay and postponement');
});

t.test('another text is no follow-up', async (t) => {
  const deletion = parse(toCloudEvent(failed, origin, '2026-09-25T01:28:34.123Z').body);
  const put = parse(toFollowUpEvent(followUp, postponed, 'vod', nowMs).body);
  const foreign = toCloudEvent(
    { kind: 'foreign', eventType: 'SnapshotComplete', json: '{}' },
    origin,
    '2026-09-25T01:28:34Z',
  );
  const unlike = [
    '',
    '{',
    'null',
    '1',
    '"text"',
    '[]',
    '{}',
    '['.repeat(1_000_000),
    foreign.body,
    JSON.stringify({ ...deletion, data: [] }),
    toFollowUpEvent(followUp, deleted, 'vod', nowMs).body,
  ];
  for (const text of unlike) t.equal(readFollowUp(text), undefined, text.slice(0, 60));

  const bad = [undefined, null, '', 1, {}, ['a']];
  const badTimes = [...bad, 'soon', '2017-02-30T00:00:00Z', '2017-03-20T07:49:17+08:00'];
  const badOptional = bad.slice(1);
  const badAttributes = [...bad, 'a\u0000', '\ud800', 'a\ufdd0'];
  const badCounts = [undefined, null, '1', -1, 0.5, 1e300];
  const inData = { mediaId: bad, mediaType: bad, deleteType: bad, status: bad };
  const inBoth = { type: [...bad, 'x'], data: bad, queue: badAttributes };
  const badSources = [...bad, 'acs:vod:cn-shanghai', 'acs:vod:a:b:c', 'acs:vod:a b:c', 'acs:vod:a:b\n', 'x'];
  const cases: [event: Record<string, unknown>, within: 'event' | 'data', bad: Record<string, unknown[]>][] =
    [
      [
        deletion,
        'event',
        { ...inBoth, id: bad, source: badSources, time: badTimes, replayid: badAttributes.slice(1) },
      ],
      [
        deletion,
        'data',
        { ...inData, error: [null, '', 1, ['a'], { code: 1 }, { code: null }, { code: '' }] },
      ],
      [put, 'event', { ...inBoth, source: badSources, replayid: badAttributes.slice(1) }],
      [put, 'data', { ...inData, eventId: bad, eventTime: badTimes, dueTime: badTimes }],
      [put, 'data', { errorCode: badOptional, attempts: badCounts, postponements: badCounts }],
    ];
  for (const [event, within, fields] of cases) {
    for (const [field, values] of Object.entries(fields)) {
      for (const value of values) {
        const changed = { [field]: value };
        const text = JSON.stringify(
          within === 'event'
            ? { ...event, ...changed }
            : { ...event, data: { ...(event['data'] as object), ...changed } },
        );
        t.equal(readFollowUp(text), undefined, JSON.stringify(changed));
      }
    }
  }
  t.ok(readFollowUp(JSON.stringify(deletion)) && readFollowUp(JSON.stringify(put)), 'while the two are');
});

t.test('no text makes reading throw', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        anyJson.map((value) => JSON.stringify(value)),
      ),
      (text) => {
        return readFollowUp(text) === undefined;
      },
    ),
  );
  t.pass();
});

function hash128(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32);
}

function parse(body: EventMessage['body']): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}
