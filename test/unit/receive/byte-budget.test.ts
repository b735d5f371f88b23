import { getEventListeners } from 'node:events';
import t from 'tap';
import { BodySizes, ByteBudget, bytesInFlight, messageBytes } from '../../../src/receive/byte-budget.js';
import { settled } from './memory-queue.js';

const { signal } = new AbortController();

/** Whether a promise has settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await settled();
  return done;
}

t.test('a poll reserves for what it may bring, and no more than its share of what is free', async (t) => {
  const budget = new ByteBudget(3_200);
  t.equal((await budget.reserve(16, 10, signal)).messages, 10, 'a thirty-second part of 3200');
  t.equal(budget.taken, 100);
  t.equal((await budget.reserve(16, 1_000, signal)).messages, 1, 'one always');
  t.equal((await budget.reserve(0, 10, signal)).messages, 0);
  t.equal(budget.taken, 1_100);
});

t.test('what a reservation does not need is free again, and what came is taken as it is', async (t) => {
  const budget = new ByteBudget(3_200);
  const reservation = await budget.reserve(16, 10, signal);
  reservation.shrink(40);
  t.equal(budget.taken, 40);
  reservation.shrink(90);
  t.equal(budget.taken, 40, 'it does not grow again');
  reservation.settle(5_000);
  t.equal(budget.taken, 5_000, 'beyond the bound, too');
  budget.give(5_000);
  t.equal(budget.taken, 0);
});

t.test('a poll waits until there is room, or its signal is aborted', async (t) => {
  const budget = new ByteBudget(100);
  const first = await budget.reserve(1, 80, signal);
  const abort = new AbortController();
  const large = budget.reserve(1, 60, abort.signal);
  const small = budget.reserve(1, 30, signal);
  t.notOk(await isDone(Promise.race([large, small])));
  first.settle(50);
  t.equal((await small).messages, 1, 'a small one passes a large one');
  t.notOk(await isDone(large));
  abort.abort();
  t.equal((await large).messages, 0);
  t.equal(budget.taken, 80);
  t.equal(getEventListeners(signal, 'abort').length, 0);
});

t.test('a message that alone is more than there is room for comes when nothing else is here', async (t) => {
  const budget = new ByteBudget(100);
  const other = await budget.reserve(1, 10, signal);
  const large = budget.reserve(1, 500, signal);
  t.notOk(await isDone(large));
  other.settle(0);
  t.equal((await large).messages, 1);
});

t.test('many answers at once are read as there is room, in their order', async (t) => {
  const budget = new ByteBudget(1_000);
  const polls = await Promise.all([0, 1, 2, 3].map(() => budget.reserve(1, 1, signal)));
  const reads = polls.map((poll) => poll.read(200, signal));
  t.same(await Promise.all(reads.map(isDone)), [true, true, false, false], 'each counts twice');
  polls[0]?.settle(400);
  t.notOk(await isDone(reads[2] as Promise<void>), 'what is received is here still');
  budget.give(400);
  t.same(await Promise.all(reads.map(isDone)), [true, true, true, false]);
  polls[1]?.settle(0);
  t.ok(await isDone(reads[3] as Promise<void>));
  for (const poll of polls.slice(2)) poll.settle(0);
  t.equal(budget.taken, 0);
});

t.test('an answer waits for what is here, not for what polls have reserved', async (t) => {
  const budget = new ByteBudget(1_000);
  const idle = await Promise.all(Array.from({ length: 9 }, () => budget.reserve(1, 100, signal)));
  t.equal(budget.taken, 900);
  t.ok(await isDone((idle[0] as (typeof idle)[0]).read(400, signal)));
});

t.test('an answer larger than the bound is read alone, and one that is gone holds up none', async (t) => {
  const budget = new ByteBudget(1_000);
  const abort = new AbortController();
  const [first, large, small] = await Promise.all([0, 1, 2].map(() => budget.reserve(1, 1, signal)));
  await first?.read(10, signal);
  const readLarge = large?.read(5_000, abort.signal) as Promise<void>;
  const readSmall = small?.read(10, signal) as Promise<void>;
  t.notOk(await isDone(Promise.race([readLarge, readSmall])));
  abort.abort();
  await Promise.all([readLarge, readSmall]);
  large?.settle(0);
  first?.settle(0);
  const again = small?.read(10, signal);
  t.ok(await isDone(again as Promise<void>));
  small?.settle(0);
  await large?.read(5_000, signal);
  t.equal(budget.taken, 10_000);
  t.equal(getEventListeners(abort.signal, 'abort').length, 0);
});

t.test('an answer whose poll was given up takes nothing', async (t) => {
  const budget = new ByteBudget(1_000);
  const poll = await budget.reserve(1, 1, signal);
  poll.settle(0);
  await poll.read(10, AbortSignal.abort());
  t.equal(budget.taken, 0);
});

t.test('the size to expect is the largest seen, forgotten by and by', (t) => {
  const sizes = new BodySizes();
  const least = sizes.expected;
  sizes.seen([10, 60_000, 20]);
  t.equal(sizes.expected, messageBytes(60_000));
  sizes.seen([10]);
  t.equal(sizes.expected, messageBytes(54_000));
  sizes.seen([]);
  t.equal(sizes.expected, messageBytes(27_000));
  for (let polls = 0; polls < 20; polls++) sizes.seen([]);
  t.equal(sizes.expected, least);
  t.end();
});

t.test('a body counts twice and a fifth of the heap is for them', (t) => {
  t.ok(messageBytes(65_536) >= 2 * 65_536);
  t.equal(bytesInFlight(1_000), 200);
  t.end();
});
