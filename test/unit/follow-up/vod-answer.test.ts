import t from 'tap';
import { readAnswer, readVideoInfo, type VodResponse } from '../../../src/follow-up/vod-answer.js';
import { publicText, VodError } from '../../../src/follow-up/vod-error.js';

const secrets = ['LTAIsecretkeyid', 'SECRET-KEY', 'CAIS/token+with=signs'];
const call = { operation: 'GetVideoInfo', secrets };

function response(body: unknown, more: Partial<VodResponse> = {}): VodResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status: 200, headers: {}, bytes: Buffer.from(text), ...more };
}

function errorOf(run: () => unknown): VodError {
  try {
    run();
  } catch (error) {
    if (error instanceof VodError) return error;
    throw error;
  }
  throw new Error('no error');
}

t.test('success is status 200 with a RequestId and no Code', async (t) => {
  const bodies = [
    { RequestId: 'R-1' },
    { RequestId: 'R-1', Code: '' },
    { RequestId: 'R-1', Code: null },
    `\ufeff${JSON.stringify({ RequestId: 'R-1' })}`,
  ];
  for (const body of bodies) t.equal(readAnswer(response(body), call).requestId, 'R-1', JSON.stringify(body));
});

t.test(
  'an answer that is neither a success nor an error of VOD is unexpected, with its status',
  async (t) => {
    const rows: [what: string, body: unknown, status: number][] = [
      ['an empty body', '', 200],
      ['white space', ' \r\n', 200],
      ['HTML', '<html>502</html>', 502],
      ['XML', '<Error><Code>Throttling</Code></Error>', 400],
      ['a text', '"Throttling"', 400],
      ['null', 'null', 200],
      ['a list', [{ RequestId: 'R-1' }], 200],
      ['a number', '7', 200],
      ['an object cut off', '{"RequestId":"R-1"', 200],
      ['nothing in it', {}, 200],
      ['no RequestId', { Video: {} }, 200],
      ['an empty RequestId', { RequestId: '' }, 200],
      ['a RequestId of another type', { RequestId: 1 }, 200],
      ['a RequestId with a line break', { RequestId: 'R\n1' }, 200],
      ['a RequestId of any length', { RequestId: 'R'.repeat(101) }, 200],
      ['a RequestId, but another status', { RequestId: 'R-1' }, 500],
      ['a RequestId, but status 201', { RequestId: 'R-1' }, 201],
      ['a Code that is a number', { RequestId: 'R-1', Code: 200 }, 200],
      ['a Code that is false', { RequestId: 'R-1', Code: false }, 200],
      ['a Code with a line break in it', { RequestId: 'R-1', Code: 'Thrott\nling' }, 400],
      ['a Code of any length', { RequestId: 'R-1', Code: 'x'.repeat(101) }, 400],
      ['a Code that is a secret', { RequestId: 'R-1', Code: 'LTAIsecretkeyid' }, 400],
      [
        'members that only its prototype would have',
        '{"__proto__":{"RequestId":"R-1","Code":"Throttling"}}',
        200,
      ],
    ];
    for (const [what, body, status] of rows) {
      const error = errorOf(() => readAnswer(response(body, { status }), call));
      t.match(error, { code: 'UnexpectedAnswer', kind: 'retry', status, operation: 'GetVideoInfo' }, what);
      t.notMatch(error.message, /Throttling|LTAI|502</, 'and is not quoted');
    }
  },
);

t.test('bytes that are not UTF-8 are judged like any other', async (t) => {
  const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
  t.equal(errorOf(() => readAnswer(response('', { bytes }), call)).code, 'UnexpectedAnswer');
});

t.test('a Code makes it an error whatever the status', async (t) => {
  for (const status of [200, 400, 403, 404, 500, 503]) {
    const body = { RequestId: 'R-1', Code: ' Throttling.User ', Message: 'Denied.' };
    t.match(
      errorOf(() => readAnswer(response(body, { status }), call)),
      {
        code: 'Throttling.User',
        kind: 'throttled',
        status,
        requestId: 'R-1',
        message: `GetVideoInfo: Throttling.User (HTTP ${status}, request R-1): Denied.`,
      },
    );
  }
});

t.test('the request id comes from the header where the body has none', async (t) => {
  const headers = { 'x-acs-request-id': 'H-1' };
  t.equal(errorOf(() => readAnswer(response('<html>', { headers }), call)).requestId, 'H-1');
  t.equal(errorOf(() => readAnswer(response({ Code: 'X' }, { headers }), call)).requestId, 'H-1');
  t.equal(
    errorOf(() => readAnswer(response({ Code: 'X', RequestId: 'R-1' }, { headers }), call)).requestId,
    'R-1',
  );
  t.equal(
    errorOf(() => readAnswer(response({}, { headers }), call)).code,
    'UnexpectedAnswer',
    'no success by it',
  );
});

t.test('the wait that VOD asks for is told in milliseconds, when it is a number of them', async (t) => {
  const rows: [header: string | string[] | undefined, expected: number | undefined][] = [
    ['700', 700],
    ['0', 0],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['99999999999', undefined],
    [['700', '800'], undefined],
  ];
  for (const [header, expected] of rows) {
    const more = { headers: { 'x-acs-retry-after': header } };
    const error = errorOf(() => readAnswer(response({ Code: 'Throttling' }, more), call));
    t.equal(error.retryAfterMs, expected, String(header));
  }
});

t.test('the text of VOD is quoted, except where it quotes the request', async (t) => {
  const textOf = (Code: string, Message: unknown): string =>
    errorOf(() => readAnswer(response({ Code, Message }), call)).message.replace(/^.*?\): /, '');
  t.equal(textOf('InvalidVideo.NotFound', 'The video does not exist.'), 'The video does not exist.');
  t.equal(textOf('SignatureNonceUsed', 'Used already.'), 'Used already.');
  for (const code of ['SignatureDoesNotMatch', 'IncompleteSignature', 'signaturedoesnotmatch']) {
    t.equal(textOf(code, 'to sign: LTAI'), 'the text is left out, as it quotes the request');
  }
  for (const message of [undefined, '', ' ', 7, null, {}])
    t.equal(textOf('Forbidden', message), 'no message');
});

t.test('a text from outside is one short line without anything secret', async (t) => {
  const rows: [what: string, text: string, expected: string][] = [
    ['plain', 'The video does not exist.', 'The video does not exist.'],
    ['a question', 'Why? Because.', 'Why? Because.'],
    ['control characters', 'a\r\nb\u0000c\u001b[31md\u2028e\u202ef\ud800', 'a b c [31md e f'],
    ['a key', 'key LTAIsecretkeyid is unknown', 'key … is unknown'],
    ['a token', 'token CAIS/token+with=signs!', 'token …!'],
    ['a token, percent-encoded', 'for CAIS%2Ftoken%2Bwith%3Dsigns.', 'for ….'],
    ['a URL', 'GET https://vod/?Signature=abc&x=1 failed', 'GET https://vod/?… failed'],
    ['a named secret', 'x-acs-security-token: abc, next', 'x-acs-security-token: …, next'],
    ['a quoted one', '{"AccessKeySecret":"a b c","n":1}', '{"AccessKeySecret":…,"n":1}'],
    ['a named key id', 'AccessKeyId=LTAIother&x', 'AccessKeyId=…&x'],
    ['anything long enough to be one', `of ${'aB3+/='.repeat(20)} here`, 'of … here'],
    ['a request id', '25818875-5F78-4A13-BEF6-D7393642CA58', '25818875-5F78-4A13-BEF6-D7393642CA58'],
  ];
  for (const [what, text, expected] of rows)
    t.equal(publicText(text, [...secrets, undefined, '']), expected, what);
  t.equal(publicText('word '.repeat(1_000)).length, 500);
  t.equal(publicText('🎬 '.repeat(1_000)), '🎬 '.repeat(250), 'no character is cut in two');
  for (const hostile of ['token', 'token"', '?', '"', 'a%', 'secret: "', '\u0000']) {
    t.ok(publicText(hostile.repeat(50_000)).length <= 500, `${hostile} repeated`);
  }
});

const video = {
  VideoId: 'm-1',
  Status: 'Uploading',
  CreationTime: '2017-11-14T09:15:50Z',
  ModificationTime: '2017-11-14T10:15:50Z',
};

t.test('the media is told with its times in epoch milliseconds', async (t) => {
  t.same(readVideoInfo({ requestId: 'R-1', members: { RequestId: 'R-1', Video: video } }, 'm-1'), {
    status: 'Uploading',
    createdMs: 1_510_650_950_000,
    modifiedMs: 1_510_654_550_000,
    requestId: 'R-1',
  });
});

t.test('a media that is not told in full is an answer we do not understand', async (t) => {
  const rows: [what: string, Video: unknown, says: RegExp][] = [
    ['no Video', undefined, /Video/],
    ['null', null, /Video/],
    ['a text', 'm-1', /Video/],
    ['a list', [video], /Video/],
    ['another media', { ...video, VideoId: 'm-2' }, /VideoId/],
    ['no VideoId', { ...video, VideoId: undefined }, /VideoId/],
    ['no Status', { ...video, Status: undefined }, /Status/],
    ['an empty Status', { ...video, Status: '' }, /Status/],
    ['a Status of another type', { ...video, Status: 1 }, /Status/],
    ['no ModificationTime', { ...video, ModificationTime: undefined }, /ModificationTime/],
    ['an empty ModificationTime', { ...video, ModificationTime: '' }, /ModificationTime/],
    [
      'a ModificationTime in another form',
      { ...video, ModificationTime: '2017-11-14 10:15:50' },
      /ModificationTime/,
    ],
    [
      'a ModificationTime without a zone',
      { ...video, ModificationTime: '2017-11-14T10:15:50' },
      /ModificationTime/,
    ],
    [
      'a ModificationTime that does not exist',
      { ...video, ModificationTime: '2017-02-30T10:15:50Z' },
      /Modif/,
    ],
    [
      'a ModificationTime that is a number',
      { ...video, ModificationTime: 1_510_654_550_000 },
      /ModificationTime/,
    ],
    ['no CreationTime', { ...video, CreationTime: undefined }, /CreationTime/],
  ];
  for (const [what, Video, says] of rows) {
    const error = errorOf(() => readVideoInfo({ requestId: 'R-1', members: { Video } }, 'm-1'));
    t.match(error, { code: 'UnexpectedAnswer', kind: 'retry', status: 200, requestId: 'R-1' }, what);
    t.match(error.message, says);
  }
});
