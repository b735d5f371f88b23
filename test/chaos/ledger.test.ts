import { randomInt } from 'node:crypto';
import t from 'tap';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import { balanced, Ledger } from '../support/ledger.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { sumOf, workerHttp, type Sample } from '../support/worker-http.js';

const isLong = process.env['CHAOS_ROUNDS'] !== undefined;
const messages = isLong ? 50_000 : 5_000;
const batch = 2_500;
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));

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

const queue = 'vod-events';
const title = `received = settled + in flight at every scrape of a run of ${messages} messages with faults (CHAOS_SEED=${seed})`;

t.test(title, async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: queue, visibilityMs: 2_000 }], seed });
  const { control, nats } = testbed;
  await control.setFaults(faults);
  const ledger = new Ledger(control, queue, `scrape-${seed}`);
  await ledger.feed(batch);
  const worker = await testbed.startWorker({}, 'relay');
  const http = await workerHttp(worker);

  const unequal: string[] = [];
  let scrapes = 0;
  let inWork = 0;
  let last = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      const samples = await http.scrape();
      const { received, settled, inFlight } = equationOf(samples);
      scrapes++;
      if (inFlight > 0) inWork++;
      if (received !== settled + inFlight || received < last)
        unequal.push(`${received} received after ${last}, ${settled} settled, ${inFlight} in flight`);
      last = received;
    }
  })();

  while (ledger.fed < messages) {
    await ledger.feed(batch);
    // One pause of NATS in each stretch, so that messages wait in flight and leases end.
    nats.pause();
    const seen = scrapes;
    while (scrapes < seen + 20) await http.probe('/livez');
    nats.resume();
    await ledger.untilQueueIsEmpty();
  }
  isOver = true;
  await watch;
  t.same(unequal, [], `the equation holds at each of ${scrapes} scrapes`);
  t.ok(inWork > 10, `at ${inWork} of them, messages were in flight`);

  // The queue is empty before the worker has read the answer to its last delete.
  const areSettled = async (): Promise<Sample[] | undefined> => {
    const samples = await http.scrape();
    return equationOf(samples).inFlight === 0 ? samples : undefined;
  };
  const samples = await until(areSettled, { what: 'all are settled' });
  const { received, settled } = equationOf(samples);
  t.equal(received, settled);
  t.ok(settled >= messages, `${settled} deliveries of ${messages} messages`);
  const outcomeOf = (outcome: string): number =>
    sumOf(samples, 'vod_relay_messages_settled_total', { queue, outcome });
  t.ok(outcomeOf('published') > 0 && outcomeOf('duplicate') > 0 && outcomeOf('dead-lettered') > 0);
  t.equal(
    sumOf(samples, 'vod_relay_dead_letters_total', { queue }),
    outcomeOf('dead-lettered'),
    'each dead letter has one code',
  );
  t.same(await ledger.audit(nats.url), balanced);
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
});

function equationOf(samples: readonly Sample[]): { received: number; settled: number; inFlight: number } {
  return {
    received: sumOf(samples, 'vod_relay_messages_received_total', { queue }),
    settled: sumOf(samples, 'vod_relay_messages_settled_total', { queue }),
    inFlight: sumOf(samples, 'vod_relay_messages_in_flight', { queue }),
  };
}
