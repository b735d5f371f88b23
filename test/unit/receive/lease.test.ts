import t from 'tap';
import { AckBatch } from '../../../src/receive/ack-batch.js';
import { Lease } from '../../../src/receive/lease.js';
import { ownCodes } from '../../../src/receive/mns-error.js';
import { manualClock } from '../../support/manual-clock.js';
import { MemoryQueue, failure, held, settled } from './memory-queue.js';

const visibilityMs = 30_000;

/** A lease of a message that was received this moment, on a clock the test moves. */
function open({ maxLeaseMs = 600_000, lingerMs = 0 } = {}) {
  const clock = manualClock(0);
  const queue = new MemoryQueue(clock);
  const acks = new AckBatch({ queue, size: 1, lingerMs, clock, onFailure: () => undefined });
  const lease = new Lease({
    queue,
    acks,
    delivery: queue.deliver(visibilityMs),
    visibilityMs,
    maxLeaseMs,
    clock,
  });
  /** Moves the clock in steps, so that what answers start is on time. */
  const pass = async (forMs: number): Promise<void> => {
    for (let leftMs = forMs; leftMs > 0; leftMs -= 1_000) {
      clock.advance(Math.min(leftMs, 1_000));
      await settled();
    }
  };
  return { clock, queue, lease, pass };
}

t.test('a lease is renewed at half life, for as long as it is held', async (t) => {
  const { queue, lease, pass } = open();
  await pass(14_999);
  t.same(queue.calls, []);
  await pass(1);
  t.same(queue.calls, ['changeVisibility']);
  await pass(15_000);
  t.equal(queue.calls.length, 2, 'and again half a life later');
  await pass(100_000);
  t.same(queue.receiveVisible(1), [], 'nobody else ever gets the message');
  t.equal(lease.signal.aborted, false);
  t.ok(await lease.ack(), 'the newest handle is the one that deletes');
  t.equal(queue.left, 0);
  const calls = queue.calls.length;
  await pass(100_000);
  t.equal(queue.calls.length, calls, 'after its end it is renewed no more');
});

t.test('a lease that reaches its cap is lost', async (t) => {
  const { queue, lease, pass } = open({ maxLeaseMs: 45_000 });
  await pass(44_000);
  t.equal(lease.signal.aborted, false);
  await pass(1_000);
  t.equal(lease.interruption, 'lost');
  t.equal(lease.signal.reason, 'lost');
  t.equal(await lease.ack(), false);
  t.equal(await lease.release(1), false);
  t.same(queue.calls, ['changeVisibility', 'changeVisibility'], 'a lost lease says nothing to the queue');
  await pass(30_000);
  t.same(queue.receiveVisible(1), ['M1'], 'the queue hands the message out again');
});

t.test('invariant 5: a renewal that fails, or whose outcome is unknown, loses the lease', async (t) => {
  const rows = [
    failure('MessageNotExist', 404),
    failure('ReceiptHandleError', 400),
    failure(ownCodes.connectionFailed),
    failure(ownCodes.timedOut),
    failure(ownCodes.unexpectedAnswer, 502),
    new TypeError('a bug'),
  ];
  for (const error of rows) {
    const { queue, lease, pass } = open();
    queue.troubles.push({ fails: error });
    await pass(15_000);
    t.equal(lease.interruption, 'lost', error.message);
    t.equal(lease.signal.reason, 'lost');
    await pass(100_000);
    t.equal(queue.calls.length, 1, 'and it is not tried again');
  }
});

t.test('a renewal that MNS refuses for now is made again', async (t) => {
  const rows = [
    failure('TooManyRequests', 429),
    failure('InternalError', 500),
    failure('SecurityTokenExpired', 403),
    failure('AccessDenied', 403),
    failure(ownCodes.noCredentials),
  ];
  for (const error of rows) {
    const { queue, lease, pass } = open();
    queue.troubles.push({ fails: error }, { fails: error });
    await pass(29_000);
    t.equal(queue.calls.length, 3, error.message);
    t.equal(lease.interruption, undefined);
    t.ok(await lease.ack());
  }
});

t.test('a renewal that is refused until the lease is about to end loses it', async (t) => {
  const { queue, lease, pass } = open();
  for (let i = 0; i < 20; i++) queue.troubles.push({ fails: failure('TooManyRequests', 429) });
  await pass(30_000);
  t.equal(lease.interruption, 'lost');
  t.ok(queue.calls.length >= 3 && queue.calls.length <= 6, `tried ${queue.calls.length} times`);
});

t.test('an ack waits for a renewal under way, and deletes with its handle', async (t) => {
  const { queue, lease, pass } = open();
  const answer = held();
  queue.troubles.push({ waitsFor: answer.promise });
  await pass(15_000);
  const acked = lease.ack();
  await settled();
  t.same(queue.calls, ['changeVisibility'], 'no delete beside the renewal');
  answer.release();
  t.ok(await acked);
  t.same(queue.calls, ['changeVisibility', 'delete 1']);
  t.equal(queue.left, 0);
});

t.test(
  'a release waits for a renewal under way, and the message is there for another a second later',
  async (t) => {
    const { queue, lease, pass } = open();
    const answer = held();
    queue.troubles.push({ waitsFor: answer.promise });
    await pass(15_000);
    const released = lease.release(1);
    await settled();
    t.same(queue.calls, ['changeVisibility']);
    answer.release();
    t.ok(await released);
    t.same(queue.receiveVisible(1), []);
    await pass(1_000);
    t.same(queue.receiveVisible(visibilityMs), ['M1']);
    await pass(100_000);
    t.equal(queue.calls.length, 2, 'it is renewed no more');
  },
);

t.test('an ack after a renewal that lost the lease is false', async (t) => {
  const { queue, lease, pass } = open();
  const answer = held();
  queue.troubles.push({ waitsFor: answer.promise.then(() => Promise.reject(failure())) });
  await pass(15_000);
  const acked = lease.ack();
  answer.release();
  t.equal(await acked, false);
  t.same(queue.calls, ['changeVisibility']);
});

t.test(
  'a renewal that does not answer loses the lease when its time is over, and holds nobody up',
  async (t) => {
    const { queue, lease, pass } = open();
    const answer = held();
    queue.troubles.push({ waitsFor: answer.promise });
    await pass(15_000);
    const acked = lease.ack();
    await pass(14_999);
    t.equal(lease.interruption, undefined);
    await pass(1);
    t.equal(lease.interruption, 'lost');
    t.equal(await acked, false);
    answer.release();
    await pass(100_000);
    t.equal(queue.calls.length, 1, 'the answer that comes after all starts nothing');
  },
);

t.test('a lease whose time is over by the clock acks nothing', async (t) => {
  const { clock, queue, lease } = open();
  queue.troubles.push({ waitsFor: new Promise(() => undefined) });
  clock.advance(30_000);
  t.equal(await lease.ack(), false);
  t.same(queue.calls, ['changeVisibility']);
});

t.test('after abandon no word is said to the queue', async (t) => {
  const idle = open();
  idle.lease.interrupt('abandon');
  t.equal(idle.lease.signal.reason, 'abandon');
  t.equal(await idle.lease.ack(), false);
  t.equal(await idle.lease.release(1), false);
  await idle.pass(100_000);
  t.same(idle.queue.calls, []);

  const acking = open({ lingerMs: 5 });
  const acks = new AckBatch({ ...acking, size: 16, lingerMs: 5, onFailure: () => undefined });
  const delivery = acking.queue.deliver(visibilityMs);
  const lease = new Lease({ ...acking, acks, delivery, visibilityMs, maxLeaseMs: 60_000 });
  const acked = lease.ack();
  await settled();
  lease.interrupt('abandon');
  await acking.pass(1_000);
  t.equal(await acked, false, 'not even the ack that was about to leave');
  t.same(acking.queue.calls, []);

  const renewing = open();
  const answer = held();
  renewing.queue.troubles.push({ waitsFor: answer.promise });
  await renewing.pass(15_000);
  renewing.lease.interrupt('abandon');
  answer.release();
  await renewing.pass(100_000);
  t.same(renewing.queue.calls, ['changeVisibility'], 'a renewal under way is the last call');
  t.equal(renewing.lease.interruption, 'abandon');
});

t.test('a lease asked for release stays alive until its holder releases it', async (t) => {
  const { queue, lease, pass } = open();
  lease.interrupt('release');
  t.equal(lease.signal.reason, 'release');
  await pass(100_000);
  t.same(queue.receiveVisible(1), [], 'it is still renewed');
  t.ok(await lease.release(1));
  await pass(1_000);
  t.same(queue.receiveVisible(1), ['M1']);
});

t.test('a release that fails leaves the message to its timeout', async (t) => {
  const { queue, lease, pass } = open();
  queue.troubles.push({ fails: failure('InternalError', 500) });
  t.equal(await lease.release(1), false);
  await pass(30_000);
  t.same(queue.receiveVisible(1), ['M1']);
});
