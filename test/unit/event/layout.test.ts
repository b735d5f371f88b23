import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import { deadLetterCodes, type DeadLetterCode } from '../../../src/event/dead-letter-code.js';
import {
  checkpointSubject,
  deadLetterFilter,
  deadLetterSubject,
  deletionsConsumer,
  doneDeadLetterSubject,
  eventSubject,
  followUpSubject,
  permitOfSubject,
  permitRefusedSubject,
  permitsConsumer,
  permitSubject,
  postponedConsumer,
  recodedDeadLetterSubject,
  reservedRoots,
  streamKindOf,
  streamNames,
  streamSubjects,
  subjectRoots,
  underPrefix,
  type StreamKind,
} from '../../../src/event/layout.js';
import { subjectToken } from '../../../src/event/subject-token.js';
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

t.test('streams are named after the prefix, and store what the layout says', (t) => {
  const names = {
    events: 'VOD_EVENTS',
    deadLetters: 'VOD_DEAD_LETTERS',
    followUps: 'VOD_FOLLOW_UPS',
    permits: 'VOD_PERMITS',
    replays: 'VOD_REPLAYS',
  };
  t.same(streamNames('vod'), names);
  t.equal(streamNames('a.b-c').events, 'A_B-C_EVENTS');
  for (const [kind, name] of Object.entries(names)) t.equal(streamKindOf(name), kind);
  t.equal(streamKindOf('ELSE'), undefined);
  const subjects = Object.keys(names).map((kind) => streamSubjects('vod', kind as StreamKind));
  t.same(subjects, [
    ['vod.event.>'],
    ['vod.dead-letter.>'],
    ['vod.follow-up.>'],
    ['vod.permit.>'],
    ['vod.replay.>', 'vod.replay-checkpoint.>'],
  ]);
  t.end();
});

t.test('every subject and consumer is exactly this', (t) => {
  t.equal(followUpSubject('vod', 'deleted', 'a.b'), 'vod.follow-up.deleted.a%2Eb');
  t.equal(permitSubject('vod', 'a.b', 7), 'vod.permit.a%2Eb.7');
  t.equal(permitOfSubject('vod.permit.a%2Eb.7'), 7);
  t.equal(permitRefusedSubject('vod', 'a.b'), 'vod.permit-refused.a%2Eb');
  t.equal(checkpointSubject('vod', 'r-1'), 'vod.replay-checkpoint.r-1');
  t.equal(recodedDeadLetterSubject('vod.dead-letter.q.not-json', 'too-deep'), 'vod.dead-letter.q.too-deep');
  t.equal(doneDeadLetterSubject('vod.dead-letter.q.not-json'), 'vod.dead-letter.q.not-json.done');
  t.equal(deadLetterFilter('vod', { done: false }), 'vod.dead-letter.*.*');
  t.equal(
    deadLetterFilter('vod', { queue: 'a.b', code: 'not-json', done: true }),
    'vod.dead-letter.a%2Eb.not-json.done',
  );
  t.equal(underPrefix('vod.event.x', 'vod', 'a.b'), 'a.b.event.x');
  t.same(
    [deletionsConsumer('vod'), postponedConsumer('vod'), permitsConsumer('vod', 'a.b')],
    [
      { stream: 'events', durable: 'follow-up', filterSubject: 'vod.event.DeleteMediaComplete.>' },
      { stream: 'followUps', durable: 'follow-up-postponed', filterSubject: 'vod.follow-up.postponed.>' },
      { stream: 'permits', durable: 'permits-a%2Eb', filterSubject: 'vod.permit.a%2Eb.*' },
    ],
  );
  t.end();
});

t.test('a replay must send to no subject that has a meaning', (t) => {
  t.same(reservedRoots('vod'), [
    'vod.event',
    'vod.dead-letter',
    'vod.follow-up',
    'vod.permit',
    'vod.permit-refused',
    'vod.replay-checkpoint',
  ]);
  t.end();
});

t.test('ARCHITECTURE.md names every kind of subject, with its stream', (t) => {
  const text = readFileSync(join(projectRoot, 'ARCHITECTURE.md'), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `vod.'));
  const names = streamNames('vod');
  for (const root of Object.values(subjectRoots('vod'))) {
    const stream = (Object.keys(names) as StreamKind[]).find((kind) =>
      streamSubjects('vod', kind).includes(`${root}.>`),
    );
    const row = rows.find((line) => line.startsWith(`| \`${root}.`)) ?? '';
    t.match(row, stream ? `\`${names[stream]}\`` : /\| none +\|/, root);
  }
  t.end();
});

t.test('deploy/nats permits nothing that the layout does not name', (t) => {
  const folder = join(projectRoot, 'deploy', 'nats');
  const ofServices = /thumbnails/;
  const roots = Object.values(subjectRoots('vod'));
  const streams = Object.values(streamNames('vod'));
  const durables = ['follow-up', 'follow-up-postponed', '*'];
  for (const file of readdirSync(folder)) {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n');
    const granted = lines.flatMap((line) => /^ *"([^"]+)"/.exec(line)?.[1] ?? []);
    for (const subject of granted.filter((each) => !ofServices.test(each))) {
      if (subject.startsWith('vod.')) {
        t.ok(
          roots.some((root) => subject.startsWith(`${root}.`)),
          `${file}: ${subject}`,
        );
      }
      const [, stream, durable] = /\.(VOD_[A-Z_]+)(?:\.([^.]+))?/.exec(subject) ?? [];
      if (stream !== undefined) t.ok(streams.includes(stream), `${file}: ${subject}`);
      if (durable !== undefined) t.ok(durables.includes(durable), `${file}: ${subject}`);
    }
  }
  t.end();
});

t.test('no other file of src builds a subject, a stream name or a durable name', (t) => {
  const tokens = Object.values(subjectRoots('vod')).map((root) => root.slice('vod.'.length));
  const built = new RegExp(
    `\\}\\.(?:${tokens.join('|')})\\b|\\}_(?:EVENTS|DEAD_|FOLLOW_|PERM|REPL)|permits-\\$`,
  );
  const durable = /durable: '/;
  const files = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && file !== join('event', 'layout.ts'));
  t.ok(sources.length > 100);
  for (const file of sources) {
    const code = readFileSync(join(projectRoot, 'src', file), 'utf8')
      .split('\n')
      .filter((line) => !/^ *(?:\/?\*|\/\/)/.test(line));
    t.same(
      code.filter((line) => built.test(line) || durable.test(line)),
      [],
      file,
    );
  }
  t.end();
});
