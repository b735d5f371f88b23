import t from 'tap';
import type { FeedMessage } from '../../src/sandbox/control/types.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import {
  deletionOf,
  replayConfig,
  runReplay,
  storeEvents,
  type ReplayFigures,
} from '../unit/replay/replay-run.js';

const total = Number(process.env['REPLAY_MESSAGES'] ?? 5_000);
/** The shares of an incident: in the stream already, not an event, enqueued before the range. */
const inStream = total / 5;
const undecodable = total / 25;
const tooOld = (total * 3) / 50;
const hourMs = 3_600_000;
const sinceMs = Date.now() - 2 * hourMs;
const since = new Date(sinceMs).toISOString();

t.test(`the dry run of a dead-letter queue of ${total} says what the run does`, async (t) => {
  // Longer than the test waits: what is visible again was released, its time was not up.
  await using testbed = await startTestbed({ queues: [{ name: 'dlq', visibilityMs: 300_000 }] });
  const { control, nats } = testbed;
  const ids = Array.from({ length: total - undecodable - tooOld }, (_, index) => `media-${index}`);
  await storeEvents(
    testbed,
    'vod-events',
    ids.slice(0, inStream).map((id) => deletionOf(id)),
  );
  await control.feed('dlq', shuffled(incident(ids)));
  const config = await replayConfig(testbed, ['dlq']);
  const before = await contents(testbed);

  const dry = await runReplay(config, '--queue', 'dlq', '--since', since, '--rate', '5000', '--dry-run');
  const expected: Partial<ReplayFigures> = {
    seen: total,
    filteredOut: tooOld,
    selected: total - tooOld,
    published: ids.length - inStream,
    suppressed: inStream,
    undecodable,
    failed: 0,
    left: 0,
    inDoubt: 0,
  };
  t.match({ code: dry.code, ...dry.figures }, { code: 0, ...expected, released: total });
  await until(async () => (await stateOf(testbed)).active === total, {
    what: 'all messages are visible again',
  });
  t.same(await contents(testbed), before, 'the queue holds what it held');
  t.equal((await storedEvents(nats.url)).length, inStream, 'and nothing was sent');

  const run = await runReplay(config, '--queue', 'dlq', '--since', since, '--rate', '5000');
  t.match(
    { code: run.code, ...run.figures },
    { code: 0, ...expected, released: undecodable + tooOld, notDeleted: 0 },
  );
  t.same(
    (await storedEvents(nats.url)).map(({ event }) => event.data['mediaId']).sort(),
    [...ids].sort(),
    'each event is in the stream once',
  );
  t.same(await storedDeadLetters(nats.url), [], 'an undecodable one is in a dead-letter queue already');
  await until(async () => (await stateOf(testbed)).active === undecodable + tooOld, {
    what: 'the rest is visible',
  });
  t.equal((await contents(testbed)).length, undecodable + tooOld, 'and is all there is');
});

function incident(ids: readonly string[]): FeedMessage[] {
  const inRangeMs = sinceMs + hourMs;
  const beforeMs = sinceMs - hourMs;
  return [
    ...ids.map((id) => ({ body: deletionBody({ MediaId: id }), enqueueTimeMs: inRangeMs })),
    ...Array.from({ length: undecodable }, (_, index) => ({
      body: `{"n":${index}`,
      enqueueTimeMs: inRangeMs,
    })),
    ...Array.from({ length: tooOld }, (_, index) => ({
      body: deletionBody({ MediaId: `old-${index}` }),
      enqueueTimeMs: beforeMs,
    })),
  ];
}

/** The same order every time, and no kind in a row. */
function shuffled<T>(items: readonly T[]): T[] {
  return items.map((_, index) => items[(index * 7919) % items.length] as T);
}

async function stateOf({ control }: Testbed): Promise<{ active: number }> {
  return (await control.state()).queues['dlq'] ?? { active: -1 };
}

async function contents({ sandbox }: Testbed): Promise<string[]> {
  return sandbox.actions
    .remaining('dlq')
    .map(({ id, bodyBase64 }) => `${id} ${bodyBase64}`)
    .sort();
}
