import { getEventListeners } from 'node:events';
import t from 'tap';
import { AckBatch, type AckRequest } from '../../../src/receive/ack-batch.js';
import { ownCodes } from '../../../src/receive/mns-error.js';
import { Slots } from '../../../src/receive/slots.js';
import { manualClock } from '../../support/manual-clock.js';
import { MemoryQueue, failure, held, settled } from './memory-queue.js';

function open(lingerMs = 5) {
  const clock = manualClock(0);
  const queue = new MemoryQueue(clock);
  const failures: number[] = [];
  const acks = new AckBatch({
    queue,
    size: 16,
    lingerMs,
    clock,
    onFailure: (_error, messages) => failures.push(messages),
  });
  /** A message in the queue, and the request to delete it while its visibility lasts. */
  const request = (visibilityMs = 30_000): AckRequest => {
    const { receiptHandle } = queue.deliver(visibilityMs);
    const endsAtMs = clock.monotonicMs() + visibilityMs;
    return { receiptHandle: () => receiptHandle, isAlive: () => clock.monotonicMs() < endsAtMs };
  };
  const deleteMany = (count: number): Promise<boolean>[] =>
    Array.from({ length: count }, () => acks.delete(request()));
  const pass = async (forMs: number): Promise<void> => {
    for (let leftMs = forMs; leftMs > 0; leftMs -= 100) {
      clock.advance(Math.min(leftMs, 100));
      await settled();
    }
  };
  return { clock, queue, acks, failures, request, deleteMany, pass };
}

t.test('sixteen acks leave as one call at once, fewer after the linger', async (t) => {
  const { queue, deleteMany, clock } = open();
  const all = deleteMany(36);
  await settled();
  t.same(queue.calls, ['delete 16', 'delete 16']);
  clock.advance(4);
  await settled();
  t.equal(queue.calls.length, 2);
  clock.advance(1);
  await settled();
  t.same(queue.calls.slice(2), ['delete 4']);
  t.same(new Set(await Promise.all(all)), new Set([true]));
  t.equal(queue.left, 0);
});

t.test('a flush sends what waits, and nothing when nothing does', async (t) => {
  const { queue, acks, deleteMany, clock } = open();
  acks.flush();
  const [acked] = deleteMany(1);
  acks.flush();
  t.equal(await acked, true);
  clock.advance(1_000);
  t.same(queue.calls, ['delete 1'], 'the linger of a flushed batch is over');
  const [next] = deleteMany(1);
  clock.advance(5);
  t.equal(await next, true, 'and that of the next begins anew');
});

t.test('of a batch that fails in part, only what failed is tried again, each entry for itself', async (t) => {
  const clock = manualClock(0);
  const calls: string[][] = [];
  const verdicts = [
    new Map([
      ['b', 'try-again'],
      ['c', 'handle-gone'],
      ['d', 'try-again'],
    ] as const),
    new Map([['d', 'try-again']] as const),
  ];
  const acks = new AckBatch({
    queue: {
      async delete(handles) {
        calls.push([...handles]);
        return verdicts.shift() ?? new Map();
      },
    },
    size: 4,
    lingerMs: 0,
    clock,
    onFailure: () => t.fail('the calls themselves succeed'),
  });
  const results = ['a', 'b', 'c', 'd'].map((handle) =>
    acks.delete({ receiptHandle: () => handle, isAlive: () => true }),
  );
  t.equal(await results[0], true);
  t.equal(await results[2], false, 'gone, and not by us');
  for (let i = 0; i < 20; i++) {
    clock.advance(100);
    await settled();
  }
  t.same(await Promise.all(results), [true, true, false, true]);
  t.same(calls, [['a', 'b', 'c', 'd'], ['b', 'd'], ['d']]);
});

t.test('a handle that is gone after an answer of ours was lost is a deleted message', async (t) => {
  for (const error of [
    failure(ownCodes.connectionFailed),
    failure(ownCodes.timedOut),
    failure('InternalError', 500),
  ]) {
    const { queue, failures, deleteMany, pass } = open(0);
    queue.troubles.push({ losesAnswer: error });
    const all = deleteMany(3);
    await pass(1_000);
    t.same(await Promise.all(all), [true, true, true], error.code);
    t.same(queue.calls, ['delete 3', 'delete 3']);
    t.same(failures, [3], 'the failure is reported');
  }
});

t.test('a handle that is gone although no try of ours had an effect is not', async (t) => {
  for (const error of [failure('TooManyRequests', 429), failure(ownCodes.noCredentials)]) {
    const { queue, acks, request, pass } = open(0);
    const { receiptHandle, isAlive } = request();
    await queue.delete([receiptHandle()]);
    queue.troubles.push({ fails: error });
    const acked = acks.delete({ receiptHandle, isAlive });
    await pass(1_000);
    t.equal(await acked, false, error.code);
  }
});

t.test('a call that fails is made again while the leases live, and no longer', async (t) => {
  const { queue, acks, request, pass, failures } = open(0);
  for (let i = 0; i < 100; i++) queue.troubles.push({ fails: failure('TooManyRequests', 429) });
  const short = acks.delete(request(2_000));
  const long = acks.delete(request(30_000));
  await pass(6_000);
  t.equal(await short, false, 'its lease is over');
  t.equal(failures.at(-1), 1, 'the other is still tried');
  queue.troubles.length = 0;
  await pass(6_000);
  t.equal(await long, true);
});

t.test('an ack whose lease is over never reaches the queue', async (t) => {
  const { queue, acks, clock } = open();
  const acked = acks.delete({ receiptHandle: () => 'handle', isAlive: () => false });
  clock.advance(5);
  t.equal(await acked, false);
  t.same(queue.calls, []);
});

t.test('a lease that ends between two looks at it leaves no ack without an answer', async (t) => {
  const { acks, request, clock } = open();
  const { receiptHandle } = request();
  let looks = 0;
  const acked = acks.delete({ receiptHandle, isAlive: () => looks++ === 0 });
  clock.advance(5);
  t.type(await acked, 'boolean');
});

t.test('a slow call does not hold up the next batch', async (t) => {
  const { queue, deleteMany } = open();
  const answer = held();
  queue.troubles.push({ waitsFor: answer.promise });
  const slow = deleteMany(16);
  t.same(new Set(await Promise.all(deleteMany(16))), new Set([true]));
  answer.release();
  t.same(new Set(await Promise.all(slow)), new Set([true]));
});

t.test('slots are never given beyond the capacity, and everyone who waits gets some in turn', async (t) => {
  const signal = new AbortController().signal;
  const slots = new Slots(20);
  t.equal(await slots.take(16, signal), 16);
  t.equal(await slots.take(16, signal), 4, 'what is left');
  const got: [name: string, count: number][] = [];
  for (const name of ['a', 'b', 'c']) void slots.take(8, signal).then((count) => got.push([name, count]));
  await settled();
  t.same(got, []);
  slots.give(20);
  await settled();
  t.same(
    got,
    [
      ['a', 8],
      ['b', 8],
      ['c', 4],
    ],
    'one return wakes all there is room for',
  );
  t.equal(slots.taken, 20);
});

t.test('who waits for a slot leaves when told to stop, and leaves nothing behind', async (t) => {
  const slots = new Slots(1);
  const staying = new AbortController();
  const leaving = new AbortController();
  t.equal(await slots.take(1, staying.signal), 1);
  const left = slots.take(1, leaving.signal);
  const stayed = slots.take(1, staying.signal);
  leaving.abort();
  t.equal(await left, 0);
  t.equal(await slots.take(1, leaving.signal), 0, 'nor does it begin');
  slots.give(1);
  t.equal(await stayed, 1, 'the slot goes to the next');
  t.equal(getEventListeners(leaving.signal, 'abort').length, 0);
  t.equal(getEventListeners(staying.signal, 'abort').length, 0);
});
