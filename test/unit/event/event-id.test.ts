import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { deadLetterId, eventId } from '../../../src/event/event-id.js';
import { minifyJson } from '../../../src/event/minify-json.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import { eventSource, type ForeignEvent } from '../../../src/event/vod-event.js';
import { anyDeleteMediaComplete, anyJson } from './arbitrary-events.js';

const source = 'acs:vod:cn-shanghai:1234567890123456';

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
const fail: DeleteMediaComplete = {
  ...success,
  status: 'fail',
  error: { code: 'InvalidVideo.NotFound', message: 'The video does not exist.' },
};

function foreign(json: string): ForeignEvent {
  return { kind: 'foreign', eventType: 'SnapshotComplete', json };
}

t.test('the id of a DeleteMediaComplete', async (t) => {
  t.equal(
    eventId(source, success),
    '1182a23a22fc16314bb5d7834f526ba9',
    'is the documented one for the success sample',
  );
  t.equal(
    eventId(source, fail),
    '43fead3f028e6a5ed9ec013380194679',
    'is the documented one for the fail sample',
  );

  const canonical =
    `["${source}","DeleteMediaComplete","2017-03-20T07:49:17Z","success","video","stream",` +
    `"\u5a92\\n\\"",["a","b"],null]`;
  t.equal(
    eventId(source, { ...success, deleteType: 'stream', mediaId: '\u5a92\n"', jobIds: ['b', 'a'] }),
    createHash('sha256').update(canonical, 'utf8').digest('hex').slice(0, 32),
    'can be recomputed from its documented form',
  );

  const others: DeleteMediaComplete[] = [
    { ...success, eventTime: '2017-03-20T07:49:18Z' },
    { ...success, status: 'fail' },
    { ...success, mediaType: 'image' },
    { ...success, deleteType: 'stream' },
    { ...success, mediaId: 'x' },
    { ...success, jobIds: ['a'] },
    { ...success, jobIds: ['a', 'b'] },
    { ...success, jobIds: ['a,b'] },
    { ...success, error: { code: 'InternalError' } },
    { ...success, mediaId: '\ud800' },
    { ...success, mediaId: '\ud801' },
    { ...success, mediaId: '\ufffd' },
  ];
  const ids = [
    eventId(source, success),
    eventId('acs:vod:cn-beijing:1', success),
    ...others.map((event) => eventId(source, event)),
  ];
  t.equal(new Set(ids).size, ids.length, 'differs as soon as one of its parts does');
});

t.test(
  'the id ignores the order of jobs, unknown fields and the error message, and nothing else',
  async (t) => {
    fc.assert(
      fc.property(
        anyDeleteMediaComplete,
        fc.dictionary(fc.string(), anyJson),
        fc.string(),
        (event, extra, message) => {
          const same: DeleteMediaComplete = {
            ...event,
            jobIds: event.jobIds.toReversed(),
            extra,
            error: { ...event.error, message },
          };
          return (
            eventId(source, same) === eventId(source, event) &&
            eventId(source, { ...event, status: `${event.status}!` }) !== eventId(source, event)
          );
        },
      ),
    );
    t.pass();
  },
);

t.test('the id of a foreign event', async (t) => {
  const id = eventId(source, foreign('{"EventType":"SnapshotComplete","N":12345678901234567890}'));
  t.match(id, /^[0-9a-f]{32}$/);
  t.equal(
    eventId(source, foreign('{ "EventType" :\r\n\t"SnapshotComplete", "N":12345678901234567890 }')),
    id,
    'ignores blanks between tokens',
  );
  t.not(
    eventId(source, foreign('{"EventType":"SnapshotComplete","N":12345678901234567891}')),
    id,
    'tells numbers apart that a double cannot',
  );
  t.not(
    eventId(source, foreign('{"a":"b c"}')),
    eventId(source, foreign('{"a":"bc"}')),
    'keeps blanks in strings',
  );
  t.not(
    eventId(source, foreign('{"a":1}')),
    eventId('acs:vod:x:y', foreign('{"a":1}')),
    'depends on the source',
  );
});

t.test('minifying JSON', async (t) => {
  fc.assert(
    fc.property(anyJson, fc.constantFrom(0, 2, '\t'), (value, indent) => {
      return minifyJson(JSON.stringify(value, null, indent)) === JSON.stringify(value);
    }),
  );
  t.equal(minifyJson(' { "a \\" b" : 1.0e5 } '), '{"a \\" b":1.0e5}', 'keeps strings and numbers as written');
  t.equal(minifyJson('"a \\'), '"a \\', 'takes any text');
});

t.test('the id of a dead letter', async (t) => {
  const id = deadLetterId('queue', 'F0E9', 'body');
  t.match(id, /^[0-9a-f]{32}$/);
  t.equal(deadLetterId('queue', 'F0E9', Buffer.from('body')), id, 'is the same for text and its UTF-8 bytes');
  const ids = [
    id,
    deadLetterId('q', 'ueueF0E9', 'body'),
    deadLetterId('queue', 'F0E9b', 'ody'),
    deadLetterId('queue', 'F0E9', ''),
  ];
  t.equal(new Set(ids).size, ids.length, 'depends on each part, and on where it ends');
  t.not(
    deadLetterId('queue', 'F0E9', Buffer.from([0xff])),
    deadLetterId('queue', 'F0E9', Buffer.from([0xfe])),
    'tells bytes apart that are not UTF-8',
  );
});

t.test('the source is a URI whatever the configuration says', async (t) => {
  t.equal(eventSource({ region: 'cn-shanghai', account: '1234567890123456' }), source);
  t.equal(eventSource({ region: 'a:b c', account: '%é' }), 'acs:vod:a%3Ab%20c:%25%C3%A9');
});
