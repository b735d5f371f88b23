import { randomInt } from 'node:crypto';
import t from 'tap';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import { seededRandom } from '../../src/sandbox/random.js';
import { balanced, Ledger } from '../support/ledger.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 4);
const messagesPerRound = Math.ceil((process.env['CHAOS_ROUNDS'] === undefined ? 4_000 : 20_000) / rounds);
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));

/** Each of them now and then, none of them all the time. */
const faults: FaultRule[] = [
  { kind: '500', probability: 0.02 },
  { kind: '429', probability: 0.02 },
  { kind: 'reset', probability: 0.01 },
  { kind: 'reset-after-effect', operation: 'BatchDelete', probability: 0.02 },
  { kind: 'reset-after-effect', operation: 'BatchReceive', probability: 0.01 },
  { kind: 'truncated-body', operation: 'BatchReceive', probability: 0.01 },
  { kind: 'partial-delete', probability: 0.03 },
  { kind: 'lost-delete', probability: 0.01 },
  { kind: 'duplicate-delivery', probability: 0.01 },
];

const title = `SIGKILL ${rounds} times at random moments loses no event and stores none twice (CHAOS_SEED=${seed})`;

t.test(title, async (t) => {
  const random = seededRandom(seed);
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events', visibilityMs: 2_000 }], seed });
  const { control, nats } = testbed;
  const ledger = new Ledger(control, 'vod-events', `kill-${seed}`);
  await control.setFaults(faults);
  const deleted = async (): Promise<number> => (await control.state()).queues['vod-events']?.deleted ?? 0;

  let kills = 0;
  for (let round = 1; round <= rounds; round++) {
    await ledger.feed(messagesPerRound);
    const worker = await testbed.startWorker();
    // A moment between the first delete of this round and its last: work is under way.
    const target = (await deleted()) + 1 + Math.floor(random() * messagesPerRound * 0.8);
    await until(async () => (await deleted()) >= target, {
      what: `${target} messages are deleted`,
      everyMs: 5,
    });
    worker.kill('SIGKILL');
    const { signal } = await worker.exit;
    if (signal === 'SIGKILL') kills++;
  }
  t.equal(kills, rounds, 'each worker ran until it was killed');

  await testbed.startWorker();
  await ledger.untilQueueIsEmpty();
  t.same(await ledger.audit(nats.url), balanced);
  const ends = (await control.history('vod-events')).map(({ end }) => end);
  t.equal(ends.filter((end) => end === 'deleted').length, ledger.fed, 'every message was deleted');
});
