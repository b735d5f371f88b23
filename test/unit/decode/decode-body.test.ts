import fc from 'fast-check';
import t from 'tap';
import { decodeBody } from '../../../src/decode/decode-body.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import type { ForeignEvent } from '../../../src/event/vod-event.js';
import { nonEmptyText as anyNonEmptyText } from '../event/arbitrary-events.js';
import { base64, fixture, jsonNotification, xmlNotification } from './envelopes.js';

/** But for JSON in a string, which is refused. */
const nonEmptyText = anyNonEmptyText.filter((text) => !/^\s*[[{"]/.test(text));

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

const minimal = {
  EventType: 'DeleteMediaComplete',
  EventTime: '2017-03-20T07:49:17Z',
  Status: 'success',
  MediaType: 'video',
  DeleteType: 'all',
  MediaId: '1234343b689jsi3ka5422dfe1e47****',
};

const encodings: Record<string, (text: string) => string> = {
  raw: (text) => text,
  'with a byte order mark': (text) => `\ufeff${text}`,
  'with blanks around it': (text) => `\r\n\t ${text} \n`,
  'as Base64': base64,
  'as Base64 with a byte order mark inside': (text) => base64(`\ufeff${text}`),
  'as Base64 with blanks around it': (text) => ` ${base64(text)}\n`,
};
const envelopes: Record<string, (text: string) => string> = {
  'without an envelope': (text) => text,
  'in a JSON topic notification': jsonNotification,
  'in a JSON topic notification as Base64': (text) => base64(jsonNotification(text)),
  'in an XML topic notification': xmlNotification,
  'in an XML topic notification as Base64': (text) => base64(xmlNotification(text)),
  'in an XML topic notification, spelt right': (text) => xmlNotification(text).replace('xlmns', 'xmlns'),
};

for (const [sample, event] of [
  ['delete-media-complete.success.json', success],
  ['delete-media-complete.fail.json', fail],
] as const) {
  t.test(`the documented sample ${sample}`, async (t) => {
    for (const [envelope, wrap] of Object.entries(envelopes)) {
      for (const [encoding, encode] of Object.entries(encodings)) {
        const inner = encode(fixture(sample));
        t.strictSame(decodeBody(wrap(inner)), { kind: 'event', event }, `${encoding}, ${envelope}`);
      }
    }
  });
}

t.test('a message in a CDATA section', async (t) => {
  const body = fixture('topic-notification.xml').replace(
    '@MESSAGE@',
    `<![CDATA[${JSON.stringify(minimal)}]]>`,
  );
  t.strictSame(decodeBody(body), { kind: 'event', event: success });
});

t.test('Base64 is decoded only when the text is not JSON', async (t) => {
  const event = { EventType: 'x', Note: base64(JSON.stringify(minimal)) };
  t.strictSame(foreign(JSON.stringify(event)).eventType, 'x');
});

t.test('keys with blanks around them count', async (t) => {
  const { EventType, MediaId, ...rest } = minimal;
  const spaced = { 'EventType ': EventType, ' MediaId': MediaId, 'ErrorCode ': 'InternalError', ...rest };
  t.strictSame(deletion(spaced), { ...success, error: { code: 'InternalError' } });
  t.strictSame(
    deletion({ 'MediaId ': 'b', ...minimal, '\tMediaId': 'c' }),
    { ...success, extra: { 'MediaId ': 'b', '\tMediaId': 'c' } },
    'but the exact key wins, and nothing is lost',
  );
  t.equal(foreign('{"EventType ":"UploadByURLComplete","VideoId ":"v"}').mediaId, 'v');
});

t.test('unknown fields and unknown values are kept', async (t) => {
  const body = {
    ...minimal,
    Status: 'partial',
    MediaType: 'hologram',
    DeleteType: 'half',
    Extend: { a: [1, null] },
  };
  const { status, mediaType, deleteType, extra } = deletion(body);
  t.strictSame(
    { status, mediaType, deleteType, extra },
    { status: 'partial', mediaType: 'hologram', deleteType: 'half', extra: { Extend: { a: [1, null] } } },
  );
});

t.test('keys that name parts of a prototype are ordinary fields', async (t) => {
  const json = JSON.stringify(minimal).replace(
    '{',
    '{"__proto__":{"Status":"x"},"constructor":"c","toString":1,',
  );
  const { extra, status } = deletion(json);
  t.equal(JSON.stringify(extra), '{"__proto__":{"Status":"x"},"constructor":"c","toString":1}');
  t.equal(status, 'success');
  t.equal(Object.getPrototypeOf(extra), Object.prototype);
  t.notOk('Status' in {}, 'and no prototype changes');
  const raw = '{"EventType":"__proto__","__proto__":{"MediaId":"x"}}';
  t.strictSame(foreign(raw), { kind: 'foreign', eventType: '__proto__', json: raw });
});

t.test('of a key given twice the last counts', async (t) => {
  const json = JSON.stringify(minimal).replace('}', ',"Status":"fail"}');
  t.equal(deletion(json).status, 'fail');
});

t.test('an event as the text of a JSON string is the same event', async (t) => {
  const json = JSON.stringify(minimal);
  t.strictSame(decodeBody(JSON.stringify(json)), decodeBody(json));
  t.strictSame(decodeBody(base64(JSON.stringify(json))), decodeBody(json));
  const other = '{"EventType":"x", "n":12345678901234567890}';
  t.strictSame(decodeBody(JSON.stringify(other)), decodeBody(other));
});

t.test('jobs', async (t) => {
  const rows: [unknown, string[]][] = [
    [undefined, []],
    [null, []],
    ['', []],
    ['a', ['a']],
    ['b, a ,,c', ['b', 'a', 'c']],
    [[], []],
    ['[]', []],
    ['["a1","b2"]', ['a1', 'b2']],
    [' [ "a1" , "b2 " ] ', ['a1', 'b2']],
    [
      ['b ', '', 'a,c'],
      ['b', 'a,c'],
    ],
  ];
  for (const [JobIds, jobIds] of rows)
    t.strictSame(deletion({ ...minimal, JobIds }).jobIds, jobIds, JSON.stringify(JobIds));
});

t.test('the error is there only when VOD sent one', async (t) => {
  t.notOk('error' in deletion({ ...minimal, ErrorCode: '', ErrorMessage: null }));
  t.strictSame(deletion({ ...minimal, ErrorMessage: 'm' }).error, { message: 'm' });
});

t.test('fractions of a second are accepted', async (t) => {
  t.equal(deletion({ ...minimal, EventTime: '2017-03-20T07:49:17.5Z' }).eventTime, '2017-03-20T07:49:17.5Z');
});

t.test('an event of another type is foreign', async (t) => {
  const json =
    '{ "EventType":"MediaBaseChangeComplete", "EventTime":"2026-08-19T01:02:03Z", "MediaId":"m", "N":12345678901234567890 }';
  t.strictSame(foreign(` ${json}\n`), {
    kind: 'foreign',
    eventType: 'MediaBaseChangeComplete',
    eventTime: '2026-08-19T01:02:03Z',
    mediaId: 'm',
    json,
  });
  t.equal(foreign(xmlNotification(base64(json))).json, json, 'and keeps its text through every envelope');
  t.notOk(
    'eventTime' in foreign('{"EventType":"x","EventTime":"yesterday"}'),
    'with a time only if it is one',
  );
  t.equal(foreign('{"EventType":"x","VideoId":"","ImageId":"i","AttachedMediaId":"a"}').mediaId, 'i');
  t.notOk('mediaId' in foreign('{"EventType":"x","MediaId":7}'));
  t.equal(foreign('{"EventType":"DeleteMediaComplete "}').eventType, 'DeleteMediaComplete ');
  t.equal(
    foreign('{"EventType":"x","TopicOwner":"o","TopicName":"t","Message":"m"}').eventType,
    'x',
    'even if it has the fields of a topic notification',
  );
});

t.test('a MediaId, however hostile, is kept exactly', async (t) => {
  const hostile = [
    '*',
    '>',
    'a.b',
    ' ',
    'x 0\r\n\r\nPUB evil 2\r\nhi',
    '\0',
    '"\\',
    '\ud800',
    'm'.repeat(65_536),
  ];
  for (const mediaId of hostile) {
    t.equal(
      deletion({ ...minimal, MediaId: mediaId }).mediaId,
      mediaId,
      JSON.stringify(mediaId.slice(0, 40)),
    );
  }
  fc.assert(
    fc.property(nonEmptyText, (mediaId) => deletion({ ...minimal, MediaId: mediaId }).mediaId === mediaId),
  );
});

function deletion(body: unknown): DeleteMediaComplete {
  const decoded = decodeBody(typeof body === 'string' ? body : JSON.stringify(body));
  if (decoded.kind === 'event' && decoded.event.kind === 'delete-media-complete') return decoded.event;
  throw new Error(`decoded to ${JSON.stringify(decoded)}`);
}

function foreign(body: string): ForeignEvent {
  const decoded = decodeBody(body);
  if (decoded.kind === 'event' && decoded.event.kind === 'foreign') return decoded.event;
  throw new Error(`decoded to ${JSON.stringify(decoded)}`);
}
