import { randomInt } from 'node:crypto';
import { connect } from 'nats';
import t from 'tap';
import { seededRandom } from '../../src/sandbox/random.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import {
  deletionOf,
  ended,
  replayConfig,
  startReplay,
  storeDeadLetters,
  storeEvents,
  type EndedRun,
} from '../unit/replay/replay-run.js';

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 3);
const isLong = process.env['CHAOS_ROUNDS'] !== undefined;
const perRound = isLong ? 400 : 150;
/**
 * In events a second. Slow: a third of a round is more than the time in which a busy machine sees where it
 * is.
 */
const rate = isLong ? '500' : '100';
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));
const total = rounds * perRound;
/** In the stream before the replay, and not an event. */
const inStream = total / 10;
const broken = total / 10;
const ids = Array.from({ length: total - broken }, (_, index) => `media-${index}`);
const bodies = [
  ...ids.map((id) => deletionBody({ MediaId: id })),
  ...Array.from({ length: broken }, (_, n) => `{"${n}`),
];
const random = seededRandom(seed);

t.test(
  `a replay of a queue, killed ${rounds} times, sends each event once (CHAOS_SEED=${seed})`,
  async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'dlq', visibilityMs: 2_000 }], seed });
    await storeEvents(
      testbed,
      'dlq',
      ids.slice(0, inStream).map((id) => deletionOf(id)),
    );
    await testbed.control.feed(
      'dlq',
      bodies.map((body) => ({ body })),
    );
    const { code, figures } = await killedReplay(testbed, '--queue', 'dlq');
    t.match(
      { code, ...figures },
      { code: 0, seen: total, published: ids.length - inStream, suppressed: inStream },
    );
    t.match(figures, { undecodable: broken, notDeleted: 0, inDoubt: 0 });
    t.same(await mediaIds(testbed), [...ids].sort(), 'each is in the stream once, and none is missing');
    t.equal(testbed.sandbox.actions.remaining('dlq').length, broken, 'what was sent is deleted');
    t.comment(JSON.stringify({ rounds, ...figures }));
  },
);

t.test(`a replay of dead letters, killed ${rounds} times, sends each event once`, async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq' }] });
  await storeEvents(
    testbed,
    'dlq',
    ids.slice(0, inStream).map((id) => deletionOf(id)),
  );
  await storeDeadLetters(
    testbed,
    bodies.map((body) => ({ queue: 'dlq', code: 'attempts-exhausted' as const, body })),
  );
  const { code, figures } = await killedReplay(testbed, '--dead-letters');
  t.match(
    { code, ...figures },
    { code: 0, seen: total, published: ids.length - inStream, suppressed: inStream },
  );
  t.match(figures, { undecodable: broken, inDoubt: 0 });
  t.same(await mediaIds(testbed), [...ids].sort(), 'each is in the stream once, and none is missing');
  const subjects = (await storedDeadLetters(testbed.nats.url)).map(({ subject }) =>
    subject.split('.').slice(3).join('.'),
  );
  t.same(
    {
      done: subjects.filter((subject) => subject === 'attempts-exhausted.done').length,
      all: subjects.length,
    },
    { done: ids.length, all: total },
    'each dead letter is there once, done or with its reason of today',
  );
  t.comment(JSON.stringify({ rounds, ...figures }));
});

t.test(`a replay of events under --again, killed ${rounds} times, sends each once`, async (t) => {
  await using testbed = await startTestbed();
  await storeEvents(
    testbed,
    'vod-events',
    ids.map((id) => deletionOf(id)),
  );
  const { code, figures } = await killedReplay(testbed, '--events', '--again');
  t.match({ code, ...figures }, { code: 0, seen: ids.length, published: ids.length, suppressed: 0 });
  t.same(await mediaIds(testbed), [...ids, ...ids].sort(), 'each is in the stream once more');
  t.comment(JSON.stringify({ rounds, ...figures }));
});

/** Starts a replay, and kills and resumes it at random points until the rounds are over; then lets it end. */
async function killedReplay(testbed: Testbed, ...args: string[]): Promise<EndedRun> {
  const config = await replayConfig(testbed, ['dlq']);
  const client = await connect({ servers: testbed.nats.url });
  const manager = await client.jetstreamManager();
  const stored = async (): Promise<number> => (await manager.streams.info('VOD_EVENTS')).state.messages;
  try {
    let options = [...args, '--rate', rate];
    const wanted = total - broken - (args.includes('--events') ? 0 : inStream);
    const first = await stored();
    for (let round = 0; round < rounds; round++) {
      await using replay = startReplay(config, ...options);
      const { id } = await replay.waitForLog(({ message }) => message === 'replay starting');
      options = ['--resume', String(id)];
      // Somewhere in this round's share of the work, so that there is work left for the rounds after it.
      const target = first + Math.floor((wanted * (round + random() * 0.6)) / rounds);
      await until(async () => (await stored()) > target, {
        what: `more than ${target} are stored`,
        everyMs: 1,
      });
      replay.kill('SIGKILL');
      t.match(await replay.exit, { signal: 'SIGKILL' }, 'it ran until it was killed');
    }
    return await ended(startReplay(config, ...options));
  } finally {
    await client.close();
  }
}

async function mediaIds({ nats }: Testbed): Promise<string[]> {
  return (await storedEvents(nats.url)).map(({ event }) => String(event.data['mediaId'])).sort();
}
