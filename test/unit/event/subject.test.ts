import fc from 'fast-check';
import t from 'tap';
import { deadLetterCodes, type DeadLetterCode } from '../../../src/event/dead-letter-code.js';
import { deadLetterSubject, eventSubject, subjectToken } from '../../../src/event/subject.js';
import { anyDeleteMediaComplete, anyText } from './arbitrary-events.js';

const tokenForm = /^[A-Za-z0-9_%-]+$/;

t.test('a subject token', async (t) => {
  const rows: [string, string, string][] = [
    ['an ordinary id', '1234343b689jsi3ka5422dfe1e47', '1234343b689jsi3ka5422dfe1e47'],
    ['what VOD masks in its samples', '47****', '47%2A%2A%2A%2A'],
    ['wildcards and dots', '*.>', '%2A%2E%3E'],
    ['spaces and line breaks', 'a b\r\nPUB x', 'a%20b%0D%0APUB%20x'],
    ['the escape itself', '%2A', '%252A'],
    ['text beyond ASCII', 'é媒😀', '%C3%A9%E5%AA%92%F0%9F%98%80'],
    ['lone surrogates', '\ud800x\udfff', '%ED%A0%80x%ED%BF%BF'],
    ['NUL', '\0', '%00'],
    ['nothing', '', '%'],
  ];
  for (const [name, text, token] of rows) t.equal(subjectToken(text), token, `encodes ${name}`);

  t.equal(subjectToken('a'.repeat(200)), 'a'.repeat(200), 'of 200 characters is whole');
  t.match(subjectToken('a'.repeat(201)), /^a{160}%-[0-9a-f]{32}$/, 'of 201 characters is cut');
  t.match(
    subjectToken(`a${'.'.repeat(70_000)}`),
    /^a(?:%2E)+%-[0-9a-f]{32}$/,
    'is never cut within an escape',
  );
  t.not(
    subjectToken(`${'a'.repeat(70_000)}b`),
    subjectToken(`${'a'.repeat(70_000)}c`),
    'cut, still tells texts apart',
  );
});

t.test('a token is made of safe characters, bounded, and reversible unless cut', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        anyText.map((text) => text.repeat(50)),
      ),
      (text) => {
        const token = subjectToken(text);
        if (!tokenForm.test(token) || token.length > 200) return false;
        if (token === '%' || token.includes('%-') || /\p{Cs}/u.test(text)) return true;
        return decodeURIComponent(token) === text;
      },
    ),
  );
  t.pass();
});

t.test('distinct texts have distinct tokens', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(anyText, { maxLength: 30 }), (texts) => {
      return new Set(texts.map(subjectToken)).size === texts.length;
    }),
  );
  t.pass();
});

t.test('the subject of an event', async (t) => {
  t.equal(
    eventSubject('vod', {
      kind: 'delete-media-complete',
      eventTime: '2017-03-20T07:49:17Z',
      status: 'success',
      mediaType: 'video',
      deleteType: 'all',
      mediaId: 'x.y',
      jobIds: [],
      extra: {},
    }),
    'vod.event.DeleteMediaComplete.success.video.all.x%2Ey',
  );
  t.equal(
    eventSubject('a.b', { kind: 'foreign', eventType: 'SnapshotComplete', mediaId: '*', json: '{}' }),
    'a.b.event.SnapshotComplete.%2A',
  );
  t.equal(eventSubject('vod', { kind: 'foreign', eventType: 'A.>', json: '{}' }), 'vod.event.A%2E%3E');
});

t.test('no event, however hostile, widens, splits or overlengthens its subject', async (t) => {
  fc.assert(
    fc.property(anyDeleteMediaComplete, anyText, (event, text) => {
      const tokens = eventSubject('vod', event).split('.');
      const foreign = eventSubject('vod', {
        kind: 'foreign',
        eventType: text,
        mediaId: text,
        json: '{}',
      }).split('.');
      return (
        tokens.length === 7 &&
        foreign.length === 4 &&
        [...tokens, ...foreign].every((token) => tokenForm.test(token)) &&
        tokens.join('.').length < 1000
      );
    }),
  );
  t.pass();
});

t.test('every dead-letter code is a token of its own and has a meaning of one line', async (t) => {
  for (const [code, meaning] of Object.entries(deadLetterCodes)) {
    t.match(code, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    t.match(meaning, /^[A-Z][^\n]+\.$/);
    t.equal(
      deadLetterSubject('vod', 'my queue', code as DeadLetterCode),
      `vod.dead-letter.my%20queue.${code}`,
    );
  }
});
