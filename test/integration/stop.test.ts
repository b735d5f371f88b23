import t, { type Test } from 'tap';
import type { MessageHistory, QueueState } from '../../src/sandbox/control/types.js';
import { balanced, Ledger } from '../support/ledger.js';
import { outcomes, runTotals } from '../support/run-totals.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import type { LogLine, WorkerProcess } from '../support/worker-process.js';

const name = 'vod-events';
/** Longer than any test waits: what is delivered again was released, its time was not up. */
const queues = [{ name, visibilityMs: 300_000 }];

t.test(
  'invariant 7: SIGTERM under load finishes what is in flight, and the next worker gets the rest',
  async (t) => {
    await using testbed = await startTestbed({ queues });
    const ledger = new Ledger(testbed.control, name, 'stop');
    await ledger.feed(3_000);
    const first = await testbed.startWorker();
    await until(async () => (await stateOf(testbed)).deleted > 300, { what: 'messages flow' });
    first.kill('SIGTERM');
    t.same(await first.exit, { code: 0, signal: null });

    const state = await stateOf(testbed);
    t.equal(state.inactive, 0, 'nothing is held back');
    t.ok(state.active > 0, 'it was stopped in the middle');
    t.same(await heldBack(testbed), [], 'every message that was delivered was deleted or released');
    const totals = (await runTotals(first))[name];
    t.equal(totals?.['received'], state.received);
    t.equal(outcomes(totals), state.received, 'each has one outcome');

    await testbed.startWorker();
    await ledger.untilQueueIsEmpty();
    t.same(await ledger.audit(testbed.nats.url), balanced);
  },
);

t.test(
  'SIGTERM while NATS is frozen releases what is in flight, and the next worker gets it at once',
  async (t) => {
    await using testbed = await startTestbed({ queues });
    const { nats, control } = testbed;
    const ledger = new Ledger(control, name, 'frozen');
    await ledger.feed(3_000);
    const first = await testbed.startWorker();
    await untilFrozenInFlight(testbed, first);
    first.kill('SIGTERM');
    t.same(await first.exit, { code: 0, signal: null });
    t.same(await heldBack(testbed), [], 'every message that was delivered was deleted or released');
    const totals = (await runTotals(first))[name];
    const state = await stateOf(testbed);
    t.ok(Number(totals?.['released']) > 0);
    t.equal(totals?.['released'], state.released);
    t.equal(outcomes(totals), totals?.['received']);

    nats.resume();
    await testbed.startWorker();
    await ledger.untilQueueIsEmpty();
    t.same(await ledger.audit(nats.url), balanced);
  },
);

t.test('a second signal abandons: exit code 1, and nothing is said to the queue any more', async (t) => {
  await using testbed = await startTestbed({ queues });
  const ledger = new Ledger(testbed.control, name, 'second');
  await ledger.feed(3_000);
  const worker = await testbed.startWorker();
  await untilFrozenInFlight(testbed, worker);
  await testbed.control.setFaults([{ kind: 'hang', operation: 'ChangeVisibility' }]);
  worker.kill('SIGTERM');
  await worker.waitForLog(isStopping);
  worker.kill('SIGINT');
  t.same(await worker.exit, { code: 1, signal: null });
  await expectAbandoned(t, testbed, (await runTotals(worker))[name]);
});

t.test('the end of the grace period abandons: exit code 1, and nothing is acked', async (t) => {
  await using testbed = await startTestbed({ queues });
  const ledger = new Ledger(testbed.control, name, 'grace');
  await ledger.feed(3_000);
  const worker = await testbed.startWorker({ stop: { grace: '2s' } });
  await untilFrozenInFlight(testbed, worker);
  await testbed.control.setFaults([{ kind: 'hang', operation: 'ChangeVisibility' }]);
  worker.kill('SIGTERM');
  t.same(await worker.exit, { code: 1, signal: null });
  await expectAbandoned(t, testbed, (await runTotals(worker))[name]);
});

t.test('SIGTERM to an idle worker cuts its long poll and exits 0', async (t) => {
  await using testbed = await startTestbed();
  const worker = await testbed.startWorker({ queues: [testbed.queue(name, { receive: { wait: '30s' } })] });
  await until(async () => (await stateOf(testbed)).openPolls > 0, { what: 'the worker polls' });
  worker.kill('SIGTERM');
  t.same(await worker.exit, { code: 0, signal: null });
  t.same(await runTotals(worker), {}, 'nothing was received');
  await until(async () => (await stateOf(testbed)).openPolls === 0, { what: 'no poll is left' });
});

t.test('SIGTERM before NATS was ever reached exits 0', async (t) => {
  await t.test('when nothing listens', async (t) => {
    await using testbed = await startTestbed();
    await testbed.nats.kill();
    const worker = await testbed.startWorker();
    const line = await worker.waitForLog(({ message }) =>
      String(message).startsWith('NATS connection failed'),
    );
    t.match(line, { level: 'error', code: 'ECONNREFUSED' }, 'the reason is told');
    worker.kill('SIGTERM');
    t.same(await worker.exit, { code: 0, signal: null });
  });

  await t.test('when it accepts connections and says nothing', async (t) => {
    await using testbed = await startTestbed();
    await using proxy = await startTcpProxy(testbed.nats);
    proxy.setBlackHole(true);
    const worker = await testbed.startWorker({ nats: { servers: [`nats://127.0.0.1:${proxy.port}`] } });
    await until(() => proxy.connections > 0, { what: 'the worker connects' });
    worker.kill('SIGTERM');
    t.same(await worker.exit, { code: 0, signal: null });
  });
});

t.test('SIGTERM before the queue could be read exits 0', async (t) => {
  await using testbed = await startTestbed({ queues: [] });
  const worker = await testbed.startWorker({ queues: [testbed.queue('missing')] });
  await worker.waitForLog(({ code }) => code === 'QueueNotExist');
  worker.kill('SIGTERM');
  t.same(await worker.exit, { code: 0, signal: null });
});

async function stateOf({ control }: Testbed): Promise<QueueState> {
  const state = (await control.state()).queues[name];
  if (!state) throw new Error(`there is no queue ${name}`);
  return state;
}

/**
 * Freezes NATS under load, and waits until the worker has seen that the PubAcks of what it holds do not come.
 */
async function untilFrozenInFlight(testbed: Testbed, worker: WorkerProcess): Promise<void> {
  await until(async () => (await stateOf(testbed)).deleted > 100, { what: 'messages flow' });
  testbed.nats.pause();
  await worker.waitForLog(({ message }) => String(message).startsWith('NATS storage of events failed'));
}

/** Messages that were delivered and neither deleted nor released since. */
async function heldBack({ control }: Testbed): Promise<MessageHistory[]> {
  const history = await control.history(name);
  return history.filter(
    ({ deliveries, end, lastDeliveredMs, lastReleasedMs }) =>
      deliveries > 0 && end === null && (lastReleasedMs ?? 0) < (lastDeliveredMs ?? 0),
  );
}

function isStopping({ message }: LogLine): boolean {
  return String(message).startsWith('worker stopping,');
}

/**
 * Published messages are deleted, and none is released. A delete that was under way may have taken effect
 * unseen.
 */
async function expectAbandoned(
  t: Test,
  testbed: Testbed,
  totals: Readonly<Record<string, number>> | undefined,
): Promise<void> {
  // On a busy machine leases end before the stop: they cannot be renewed while that call hangs.
  const { received = 0, abandoned = 0, 'lease-lost': lapsed = 0, ...others } = totals ?? {};
  const state = await stateOf(testbed);
  t.ok(abandoned > 0, `${abandoned} are abandoned`);
  t.equal(received, abandoned + lapsed + outcomes(others), 'each message has one outcome');
  t.equal(state.released, 0);
  const unseen = state.deleted - outcomes(others);
  t.ok(unseen >= 0 && unseen < abandoned, `deleted is what was stored, and ${unseen} whose answer was lost`);
  const held = (await heldBack(testbed)).length;
  if (lapsed === 0) t.equal(held, state.undeleted);
  else t.ok(held >= state.undeleted, `${held} are held back, some of them no longer`);
}
