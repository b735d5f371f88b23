import t from 'tap';
import { PollOverdueError, PollWatch } from '../../../src/receive/poll-watch.js';
import { manualClock } from '../../support/manual-clock.js';

function open() {
  const clock = manualClock(0);
  return { clock, watch: new PollWatch(clock, 20_000), aborts: [] as number[] };
}

/** A poll that the test ends. */
function aPoll() {
  let end: (value: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { promise, end, fail };
}

t.test('a poll that returns in time settles as it does', async (t) => {
  const { clock, watch, aborts } = open();
  const [good, bad] = [aPoll(), aPoll()];
  const result = watch.over(good.promise, () => aborts.push(1));
  const failure = watch.over(bad.promise, () => aborts.push(1));
  clock.advance(64_999);
  good.end('messages');
  bad.fail(new Error('no'));
  t.equal(await result, 'messages');
  await t.rejects(failure, { message: 'no' });
  clock.advance(60_000);
  t.same(aborts, [], 'and is not aborted later');
});

t.test('a poll that is overdue is aborted and given up, and what still comes of it is dropped', async (t) => {
  for (const late of ['end', 'fail'] as const) {
    const { clock, watch, aborts } = open();
    const poll = aPoll();
    const result = watch.over(poll.promise, () => aborts.push(1));
    clock.advance(65_000);
    await t.rejects(result, new PollOverdueError(65_000));
    t.same(aborts, [1]);
    if (late === 'end') poll.end('messages');
    else poll.fail(new Error('aborted'));
  }
});

t.test('a watch is stuck once a second poll was overdue too', async (t) => {
  const stuckAfterMs = 2 * 65_000 + 30_000;
  const { clock, watch } = open();
  clock.advance(stuckAfterMs);
  t.equal(watch.isStuck, false);
  clock.advance(1);
  t.equal(watch.isStuck, true);

  const poll = aPoll();
  const result = watch.over(poll.promise, () => undefined);
  poll.end('');
  await result;
  t.equal(watch.isStuck, false, 'a poll that returns ends it');

  clock.advance(stuckAfterMs + 1);
  t.equal(watch.isStuck, true);
  watch.resume();
  t.equal(watch.isStuck, false, 'so does a time in which none could be made');

  const overdue = aPoll();
  const given = watch.over(overdue.promise, () => {
    overdue.fail(new Error('aborted'));
  });
  clock.advance(stuckAfterMs + 1);
  await t.rejects(given);
  t.equal(watch.isStuck, true, 'but no poll that only its abort brought back');
});
