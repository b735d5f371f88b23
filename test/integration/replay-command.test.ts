import t from 'tap';
import { fillStream } from '../support/full-stream.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { replayConfig, storeDeadLetters, storeEvents, deletionOf } from '../unit/replay/replay-run.js';

t.test('every example of the help runs as it stands', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events-dlq' }] });
  await storeEvents(testbed, 'vod-events-dlq', [deletionOf('1234343b')]);
  await storeDeadLetters(testbed, [
    { queue: 'vod-events-dlq', code: 'foreign-refused', body: foreignBody() },
  ]);
  await testbed.control.feed('vod-events-dlq', [{ body: deletionBody() }]);
  await replayConfig(testbed, ['vod-events-dlq']);

  const help = startWorkerProcess(['replay', '--help']);
  t.same(await help.exit, { code: 0, signal: null });
  const examples = [...help.stdout.matchAll(/^ *\$ vod-relay (replay .*)$/gm)].map(([, args]) => args ?? '');
  t.ok(examples.length >= 4);
  for (const example of examples) {
    await using replay = startWorkerProcess(example.split(' '), { cwd: testbed.folder });
    t.same(await replay.exit, { code: 0, signal: null }, example);
    t.match(replay.stdout, /^ +selected +\d+$/m);
  }
});

t.test('what cannot be done is refused before anything is sent', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq' }, { name: 'live' }] });
  await storeEvents(testbed, 'dlq', []);
  await testbed.control.feed('dlq', [{ body: deletionBody() }]);
  const config = await replayConfig(testbed, [], {
    queues: [testbed.queue('dlq', { mode: 'replay' }), testbed.queue('live')],
  });
  const rows: [args: string[], message: RegExp][] = [
    [['--queue', 'live'], /queue live has mode live/],
    [['--queue', 'other'], /no queue other/],
    [['--to', 'nobody.listens'], /no stream takes nobody\.listens\.event\.>/],
    [['--to', 'vod.dead-letter.x'], /must not be under vod\.dead-letter/],
    [['--to', 'vod.permit-refused.x'], /must not be under vod\.permit-refused/],
    [['--events', '--follow-up', '--again'], /without --again and --to/],
    [['--resume', 'nothing'], /no replay nothing|no stream VOD_REPLAYS/],
    [['--to', 'a b'], /joined by dots/],
  ];
  for (const [args, message] of rows) {
    const replay = startWorkerProcess(['replay', '--config', config, ...args]);
    t.match(await replay.exit, { code: 1 }, args.join(' '));
    t.match(replay.stderr, message);
  }
  t.equal((await storedEvents(testbed.nats.url)).length, 0);
  const { queues } = await testbed.control.state();
  t.equal(queues['dlq']?.received, 0, 'no message was received');
});

t.test('a replay whose checkpoint cannot be stored says why, and sends nothing', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq' }] });
  await storeEvents(testbed, 'dlq', []);
  await testbed.control.feed('dlq', [{ body: deletionBody() }]);
  await fillStream(testbed, {
    name: 'VOD_REPLAYS',
    subjects: ['vod.replay.>', 'vod.replay-checkpoint.>'],
    allow_rollup_hdrs: true,
  });
  const config = await replayConfig(testbed, ['dlq']);
  const replay = startWorkerProcess(['replay', '--config', config, '--queue', 'dlq']);
  t.match(await replay.exit, { code: 1 });
  t.match(replay.stderr, /the stream VOD_REPLAYS does not store vod\.replay-checkpoint\..*maximum messages/);
  t.equal((await storedEvents(testbed.nats.url)).length, 0);
  t.match((await testbed.control.state()).queues['dlq'], { deleted: 0 });
  t.match(replay.stderr, /^To go on: vod-relay replay --resume /m);
});
