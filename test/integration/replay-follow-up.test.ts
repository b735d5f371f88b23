import { connect } from 'nats';
import t from 'tap';
import {
  callFigures,
  finalOutcomes,
  isRefused,
  relayDeletions,
  seedOrphans,
  untilAllHaveOutcomes,
} from '../support/orphans.js';
import { storedDeadLetters, storedEvents, storedMessages } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { startWorkerProcess } from '../support/worker-process.js';
import {
  deletionOf,
  ended,
  replayConfig,
  runReplay,
  startReplay,
  storeDeadLetters,
  storeEvents,
} from '../unit/replay/replay-run.js';

t.test('after a change from off to orphans, --follow-up leads to exactly the planned calls', async (t) => {
  await using testbed = await startTestbed();
  const { control, nats } = testbed;
  const orphans = await seedOrphans(testbed, 12);
  const others = ['whole', 'image', 'refused', 'old'];
  const EventTime = new Date().toISOString();
  await relayDeletions(testbed, [
    deletionBody({ MediaId: 'whole', EventTime }),
    deletionBody({ MediaId: 'image', MediaType: 'image', Status: 'fail', EventTime }),
    deletionBody({ MediaId: 'refused', Status: 'fail', ErrorCode: 'Forbidden', EventTime }),
    deletionBody({ MediaId: 'old', Status: 'fail', EventTime: '2026-03-20T07:49:17Z' }),
  ]);
  await using off = await testbed.startWorker({ followUp: { policy: 'off' } }, 'follow-up');
  t.same(await untilAllHaveOutcomes(testbed, [...orphans, ...others]), { skipped: 16 });
  off.kill();
  await off.exit;

  const stillOff = await replayConfig(testbed, ['vod-events'], { followUp: { policy: 'off' } });
  const nothing = await runReplay(stillOff, '--events', '--follow-up');
  t.match(
    nothing.figures,
    { seen: 16, left: 16, published: 0, wouldCall: 0 },
    'none under the policy of then',
  );
  const config = await replayConfig(testbed, ['vod-events'], { followUp: { policy: 'orphans' } });
  const [again, elsewhere, dry] = await Promise.all(
    [['--again'], ['--to', 'vod.replay.x'], ['--follow-up']].map((args) =>
      runReplay(config, '--events', '--dry-run', ...args),
    ),
  );
  t.match(again?.figures, { published: 16, wouldCall: 12 }, 'events that are sent again lead to calls too');
  t.match(elsewhere?.figures, { published: 16, wouldCall: 0 }, 'elsewhere nobody calls');
  t.equal((await control.vodCalls()).length, 0);
  const { code, figures } = await runReplay(config, '--events', '--follow-up', '--rate', '1000');
  t.match(
    { code, ...figures },
    { code: 0, seen: 16, selected: 16, published: 12, left: 4, suppressed: 0, wouldCall: 12 },
  );
  t.same({ ...dry?.figures, dryRun: false, id: figures.id }, figures, 'as the dry run said');
  t.equal((await storedEvents(nats.url)).length, 16, 'no event was sent');

  await testbed.startWorker({}, 'follow-up');
  t.same(await outcomesOf(testbed, figures.id, 12), { deleted: 12 });
  // Those that VOD refuses for its quota are made again, and no others.
  const called = async (): Promise<string[]> =>
    (await control.vodCalls()).filter((call) => !isRefused(call)).map(({ mediaId }) => mediaId);
  t.same((await called()).sort(), [...orphans].sort(), 'each planned call, and no other');
  t.equal((await control.vodState()).partsLeft, 0);

  const once = await runReplay(config, '--resume', figures.id ?? '');
  t.match(once.figures, { published: 12 });
  t.equal((await called()).length, 12, 'one that is finished leads to nothing more');
});

t.test('a replay for follow-ups that is killed and resumed leads to no call twice', async (t) => {
  await using testbed = await startTestbed();
  const { control, nats } = testbed;
  const orphans = await seedOrphans(testbed, 30);
  await using off = await testbed.startWorker({ followUp: { policy: 'off' } }, 'follow-up');
  t.same(await untilAllHaveOutcomes(testbed, orphans), { skipped: 30 });
  off.kill();
  await off.exit;

  await testbed.startWorker({ followUp: { callsPerSecond: 100 } }, 'follow-up');
  const config = await replayConfig(testbed, ['vod-events']);
  const client = await connect({ servers: nats.url });
  t.teardown(() => client.close());
  const manager = await client.jetstreamManager();
  const sent = async (): Promise<number> => (await replayed(testbed)).length;
  let options = ['--events', '--follow-up', '--rate', '4'];
  let id = '';
  for (const target of [2, 7]) {
    await using replay = startReplay(config, ...options);
    ({ id } = (await replay.waitForLog(({ message }) => message === 'replay starting')) as { id: string });
    options = ['--resume', id];
    await until(async () => (await sent()) > target, { what: `more than ${target} are sent`, everyMs: 5 });
    replay.kill('SIGKILL');
    t.match(await replay.exit, { signal: 'SIGKILL' }, 'it ran until it was killed');
  }
  // The memory for ids of the stream is not what a resumed replay relies on.
  const { config: stream } = await manager.streams.info('VOD_FOLLOW_UPS');
  await manager.streams.update('VOD_FOLLOW_UPS', { ...stream, duplicate_window: 100_000_000 });
  const { code, figures } = await ended(startReplay(config, ...options));
  t.match({ code, ...figures }, { code: 0, seen: 30, published: 30, suppressed: 0, wouldCall: 30 });
  t.same(await outcomesOf(testbed, id, 30), { deleted: 30 });
  const calls = await control.vodCalls();
  t.equal(callFigures(calls).repeated, 0);
  t.equal(calls.filter(({ effect }) => effect).length, 30);
  t.equal(await sent(), 30, 'each was sent once');
});

t.test('a failed follow-up is taken up again from its dead letter, which is done then', async (t) => {
  await using testbed = await startTestbed();
  const { control, nats } = testbed;
  const ids = await seedOrphans(testbed, 2);
  await control.setFaults([{ kind: 'vod-error', code: 'InternalError' }]);
  const worker = await testbed.startWorker({ followUp: { maxAttempts: 1 } }, 'follow-up');
  t.same(await untilAllHaveOutcomes(testbed, ids), { failed: 2 });
  await control.clearFaults();
  await storeDeadLetters(testbed, [
    { queue: 'follow-up', code: 'follow-up-failed', body: 'no outcome of a follow-up' },
  ]);
  const failed = 'vod.dead-letter.follow-up.follow-up-failed';
  t.same((await letterSubjects(testbed)).sort(), [failed, failed, failed]);

  // A queue of that name changes nothing: what decides is the code.
  const queues = ['vod-events', 'follow-up'].map((name) => testbed.queue(name, { mode: 'replay' }));
  const config = await replayConfig(testbed, [], { queues });
  const shown = startWorkerProcess(['dead-letters', 'show', '1', '--config', config]);
  await shown.exit;
  t.match(shown.stdout, /failed follow-up of DeleteMediaComplete fail video all orphan-\d/);
  t.match(shown.stdout, /a replay has it followed up again.*row failed/);
  const rows: [args: string[], figures: object][] = [
    [['--dry-run'], { seen: 3, published: 2, left: 1, undecodable: 0, wouldCall: 2 }],
    [['--to', 'vod.replay.x'], { seen: 3, published: 0, left: 3 }],
    [['--code', 'not-json'], { seen: 0 }],
    [['--media-id', 'other'], { seen: 3, filteredOut: 3 }],
    [['--media-id', ids[0] ?? '', '--status', 'fail', '--keep'], { filteredOut: 2, published: 1 }],
  ];
  for (const [args, figures] of rows) {
    const run = await runReplay(config, '--dead-letters', ...args);
    t.match({ code: run.code, ...run.figures }, { code: 0, ...figures }, args.join(' '));
    t.same(await letterSubjects(testbed), [failed, failed, failed], 'each stays as it is');
  }
  await until(async () => (await control.vodCalls()).filter(({ effect }) => effect).length === 1, {
    what: 'the one that was kept is called on',
  });
  const { code, figures } = await runReplay(config, '--dead-letters', '--queue', 'follow-up');
  t.match({ code, ...figures }, { code: 0, seen: 3, published: 2, left: 1, undecodable: 0 });
  const outcomes = await outcomesOf(testbed, figures.id, 2);
  t.same(outcomes, { deleted: 1, 'nothing-to-delete': 1 }, 'each by what VOD has left of it');
  t.same((await letterSubjects(testbed)).sort(), [failed, `${failed}.done`, `${failed}.done`]);
  const done = (await storedDeadLetters(nats.url)).find(({ subject }) => subject.endsWith('.done'));
  const events = await storedEvents(nats.url);
  t.match(done?.headers, {
    'Dead-Letter-Replay': figures.id,
    'Dead-Letter-Code': 'follow-up-failed',
    'Dead-Letter-Event-Id': events.find(({ event }) => done?.text.includes(event.id))?.event.id,
  });
  worker.kill();
  await worker.exit;
});

t.test('without the stream of follow-ups nothing is sent, and what is missing is said', async (t) => {
  await using testbed = await startTestbed();
  const { nats } = testbed;
  await storeEvents(testbed, 'vod-events', [deletionOf('a')]);
  const client = await connect({ servers: nats.url });
  await (await client.jetstreamManager()).streams.delete('VOD_FOLLOW_UPS');
  await client.close();
  const config = await replayConfig(testbed, ['vod-events']);
  for (const more of [[], ['--dry-run']]) {
    const replay = startReplay(config, '--events', '--follow-up', ...more);
    t.match(await replay.exit, { code: 1 });
    t.match(
      replay.stderr,
      /the stream VOD_FOLLOW_UPS does not take vod\.follow-up\.postponed\.>: `vod-relay run`/,
    );
  }
  t.same(await storedMessages(nats.url, 'VOD_REPLAYS'), [], 'not even a checkpoint');
});

/** Follow-ups as a replay sent them. */
async function replayed({ nats }: Testbed): Promise<string[]> {
  const events = await storedEvents(nats.url, 'VOD_FOLLOW_UPS');
  return events.filter(({ event }) => event.data['reason'] === 'replayed').map(({ event }) => event.id);
}

/** Waits until so many follow-ups of a replay have a final outcome, and counts them. */
async function outcomesOf(testbed: Testbed, replayId = '', count = 0): Promise<Record<string, number>> {
  const outcomes = async (): Promise<string[]> => {
    const events = (await finalOutcomes(testbed)).map(
      ({ event }) => event as typeof event & { replayid?: string },
    );
    return events.filter(({ replayid }) => replayid === replayId).map(({ data }) => String(data['outcome']));
  };
  await until(async () => (await outcomes()).length >= count, {
    what: 'each has an outcome',
    timeoutMs: 60_000,
  });
  const counts: Record<string, number> = {};
  for (const outcome of await outcomes()) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function letterSubjects({ nats }: Testbed): Promise<string[]> {
  return (await storedDeadLetters(nats.url)).map(({ subject }) => subject);
}
