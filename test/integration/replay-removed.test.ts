/**
 * Ids outlive the messages that they were given to: what becomes of an event that the stream no longer holds.
 */
import { connect, type JetStreamManager } from 'nats';
import t from 'tap';
import { runTotals } from '../support/run-totals.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import {
  deletionOf,
  replayConfig,
  runReplay,
  storeDeadLetters,
  storeEvents,
} from '../unit/replay/replay-run.js';

const events = ['a', 'b'].map((id) => deletionOf(id));
const bodies = events.map(({ mediaId, eventTime }) =>
  deletionBody({ MediaId: mediaId, EventTime: eventTime }),
);

/** Ways in which a stream loses both events, and keeps their ids. */
const losses: Readonly<Record<string, (manager: JetStreamManager) => Promise<unknown>>> = {
  purged: (manager) => manager.streams.purge('VOD_EVENTS'),
  'trimmed by max_msgs': async (manager) => {
    await manager.streams.update('VOD_EVENTS', { max_msgs: 1 });
    await manager.streams.update('VOD_EVENTS', { max_msgs: -1 });
    await manager.streams.deleteMessage('VOD_EVENTS', 2);
  },
  'rid of each message': async (manager) => {
    for (const seq of [1, 2]) await manager.streams.deleteMessage('VOD_EVENTS', seq);
  },
};

for (const [how, lose] of Object.entries(losses)) {
  t.test(`a replay from a queue, when the stream was ${how}`, async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'dlq' }] });
    await storeThenLose(testbed, 'dlq', lose);
    await testbed.control.feed(
      'dlq',
      bodies.map((body) => ({ body })),
    );
    const config = await replayConfig(testbed, ['dlq']);
    const dry = await runReplay(config, '--dry-run');
    t.match({ code: dry.code, ...dry.figures }, { code: 0, published: 2, suppressed: 0 });
    await until(async () => (await queueOf(testbed, 'dlq'))?.active === 2, {
      what: 'both are visible again',
    });
    const run = await runReplay(config);
    t.match(
      { code: run.code, ...run.figures },
      { code: 0, published: 2, suppressed: 0 },
      'as the dry run said',
    );
    t.same(await held(testbed), ['a', 'b'], 'what is deleted from the queue is in the stream');
    t.equal((await queueOf(testbed, 'dlq'))?.deleted, 2);
  });
}

t.test('a replay of dead letters, when the stream was purged', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq' }] });
  await storeThenLose(testbed, 'dlq', (manager) => manager.streams.purge('VOD_EVENTS'));
  await storeDeadLetters(
    testbed,
    bodies.map((body) => ({ queue: 'dlq', code: 'attempts-exhausted' as const, body })),
  );
  const config = await replayConfig(testbed, ['dlq']);
  const dry = await runReplay(config, '--dead-letters', '--dry-run');
  const run = await runReplay(config, '--dead-letters');
  for (const { code, figures } of [dry, run])
    t.match({ code, ...figures }, { code: 0, published: 2, suppressed: 0 });
  t.same(await held(testbed), ['a', 'b']);
  const letters = await storedDeadLetters(testbed.nats.url);
  t.ok(letters.every(({ subject }) => subject.endsWith('.done')));
});

t.test('the worker, when the stream was purged', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events' }] });
  await storeThenLose(testbed, 'vod-events', (manager) => manager.streams.purge('VOD_EVENTS'));
  await testbed.control.feed(
    'vod-events',
    bodies.map((body) => ({ body })),
  );
  const worker = await testbed.startWorker({}, 'relay');
  await until(async () => (await queueOf(testbed, 'vod-events'))?.deleted === 2, {
    what: 'both are deleted',
  });
  t.same(await held(testbed), ['a', 'b']);
  worker.kill();
  t.match(await worker.exit, { code: 0 });
  t.match(await runTotals(worker), { 'vod-events': { published: 2 } });
});

async function storeThenLose(
  testbed: Testbed,
  queue: string,
  lose: (manager: JetStreamManager) => Promise<unknown>,
): Promise<void> {
  await storeEvents(testbed, queue, events);
  const connection = await connect({ servers: testbed.nats.url });
  await lose(await connection.jetstreamManager());
  await connection.close();
}

async function held({ nats }: Testbed): Promise<string[]> {
  return (await storedEvents(nats.url)).map(({ event }) => String(event.data['mediaId'])).sort();
}

async function queueOf(
  { control }: Testbed,
  name: string,
): Promise<{ active: number; deleted: number } | undefined> {
  return (await control.state()).queues[name];
}
