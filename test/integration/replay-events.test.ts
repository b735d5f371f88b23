import t from 'tap';
import { storedEvents, storedMessages } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { until } from '../support/until.js';
import {
  deletionOf,
  ended,
  replayConfig,
  runReplay,
  startReplay,
  storeEvents,
} from '../unit/replay/replay-run.js';

t.test('events that the stream has are suppressed, and the way to send them is said', async (t) => {
  await using testbed = await startTestbed();
  await storeEvents(
    testbed,
    'vod-events',
    ['a', 'b', 'c'].map((id) => deletionOf(id)),
  );
  const config = await replayConfig(testbed, ['vod-events']);

  const plain = startWorkerProcess(['replay', '--config', config, '--events']);
  t.same(await plain.exit, { code: 0, signal: null });
  t.match(plain.stdout, /suppressed: 3, published: 0\b.*--again/);
  t.equal((await storedEvents(testbed.nats.url)).length, 3, 'nothing was sent');

  await t.test('--again sends them once more, under ids of the replay’s own', async (t) => {
    const dry = await runReplay(config, '--events', '--again', '--dry-run');
    const { code, figures } = await runReplay(config, '--events', '--again');
    t.equal(code, 0);
    t.match(figures, { seen: 3, selected: 3, published: 3, suppressed: 0, end: 'finished' });
    t.same({ ...dry.figures, dryRun: false, id: figures.id }, figures, 'as the dry run said');
    const events = await storedEvents(testbed.nats.url);
    const [first, again] = [events.slice(0, 3), events.slice(3)];
    t.same(
      again.map(({ event }) => event.id),
      first.map(({ event }) => event.id),
      'the same events',
    );
    t.same(
      again.map(({ subject }) => subject),
      first.map(({ subject }) => subject),
    );
    t.same(
      again.map(({ event }) => ({ ...event })),
      first.map(({ event }) => ({ ...event, replayid: figures.id })),
    );
    t.equal(new Set(events.map(({ headers }) => headers['Nats-Msg-Id'])).size, 6);
  });

  await t.test('--to sends them to who asked only', async (t) => {
    const { figures } = await runReplay(
      config,
      '--events',
      '--to',
      'vod.replay.thumbnails',
      '--media-id',
      'b',
    );
    // The copies that --again stored are of the same events, and one replay sends an event once.
    t.match(figures, { seen: 6, filteredOut: 4, published: 1, suppressed: 1 });
    const sent = (await storedMessages(testbed.nats.url, 'VOD_REPLAYS')).filter(({ subject }) =>
      subject.startsWith('vod.replay.'),
    );
    t.same(
      sent.map(({ subject }) => subject),
      ['vod.replay.thumbnails.event.DeleteMediaComplete.success.video.all.b'],
    );
    t.match(JSON.parse(sent[0]?.text ?? ''), { replayid: figures.id, data: { mediaId: 'b' } });
    t.equal((await storedEvents(testbed.nats.url)).length, 6);
  });
});

t.test(
  'filters choose by event time and by what the event says; the limit counts what they choose',
  async (t) => {
    await using testbed = await startTestbed();
    const times = ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z'];
    await storeEvents(
      testbed,
      'vod-events',
      times.flatMap((time) => ['x', 'y'].map((id) => deletionOf(id, time))),
    );
    const config = await replayConfig(testbed, ['vod-events']);
    const rows: [args: string[], selected: number][] = [
      [[], 6],
      [['--since', '2026-03-02T00:00:00Z'], 4],
      [['--since', '2026-03-02', '--until', '2026-03-03'], 2],
      [['--media-id', 'x'], 3],
      [['--status', 'fail'], 0],
      [['--limit', '5'], 5],
      [['--media-id', 'y', '--limit', '2'], 2],
    ];
    for (const [args, selected] of rows) {
      const { code, figures } = await runReplay(config, '--events', '--again', '--dry-run', ...args);
      t.match(
        { code, ...figures },
        { code: 0, selected, published: selected },
        args.join(' ') || 'no filter',
      );
    }
    t.equal((await storedEvents(testbed.nats.url)).length, 6, 'a dry run sends nothing');
    t.same(await storedMessages(testbed.nats.url, 'VOD_REPLAYS'), [], 'nor does it leave a checkpoint');
  },
);

t.test('a replay that is stopped says how to go on, and goes on', async (t) => {
  await using testbed = await startTestbed();
  const ids = Array.from({ length: 60 }, (_, index) => `media-${index}`);
  await storeEvents(
    testbed,
    'vod-events',
    ids.map((id) => deletionOf(id)),
  );
  const config = await replayConfig(testbed, ['vod-events']);
  await using replay = startReplay(config, '--events', '--again', '--rate', '20');
  await until(async () => (await storedEvents(testbed.nats.url)).length > 65, { what: 'some are sent' });
  replay.kill('SIGINT');
  const stopped = await ended(replay);
  t.match({ code: stopped.code, end: stopped.figures.end }, { code: 1, end: 'stopped' });
  const { id = '' } = stopped.figures;
  const sentBefore = (await storedEvents(testbed.nats.url)).length - 60;
  t.equal(stopped.figures.published, sentBefore, 'it counted what it sent');
  t.ok(sentBefore < 60, 'and was not done');

  const refused = startWorkerProcess(['replay', '--config', config, '--resume', id, '--rate', '5']);
  t.match(await refused.exit, { code: 1 });
  t.match(refused.stderr, /--rate is not for --resume/);

  const resumed = await runReplay(config, '--resume', id);
  t.match(
    { code: resumed.code, ...resumed.figures },
    { code: 0, id, published: 60, suppressed: 0, seen: 60 },
  );
  const again = (await storedEvents(testbed.nats.url)).slice(60);
  t.same(
    again.map(({ event }) => event.data['mediaId']),
    ids,
    'each once, in order of the stream',
  );

  const once = await runReplay(config, '--resume', id);
  t.match(
    { code: once.code, ...once.figures },
    { code: 0, published: 60 },
    'a finished one only tells its figures',
  );
  t.equal((await storedEvents(testbed.nats.url)).length, 120);
});
