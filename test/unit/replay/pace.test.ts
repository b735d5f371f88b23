import t from 'tap';
import { Pace } from '../../../src/replay/pace.js';
import { manualClock } from '../../support/manual-clock.js';

t.test('turns are spaced evenly, and a pause is not made up for', async (t) => {
  const clock = manualClock(0);
  const pace = new Pace(100, clock);
  const { signal } = new AbortController();
  const turns: number[] = [];
  const take = async (): Promise<void> => {
    await pace.turn(signal);
    turns.push(clock.monotonicMs());
  };
  clock.advance(1_000);
  const first = [take(), take(), take(), take()];
  for (let ms = 0; ms < 100; ms++) {
    clock.advance(1);
    await Promise.resolve();
  }
  await Promise.all(first);
  t.equal(turns.length, 4);
  t.ok(
    Math.max(...turns) - Math.min(...turns) >= 25,
    'ten milliseconds apart, but for what a timer may be late',
  );

  clock.advance(60_000);
  const second = [take(), take(), take()];
  await Promise.resolve();
  await Promise.resolve();
  t.equal(turns.length, 5, 'one at once after the pause, not as many as it was long');
  for (let ms = 0; ms < 100; ms++) {
    clock.advance(1);
    await Promise.resolve();
  }
  await Promise.all(second);
  t.equal(turns.length, 7);
});

t.test('whoever waits is let go when the signal is aborted', async (t) => {
  const clock = manualClock(0);
  const pace = new Pace(1, clock);
  const abort = new AbortController();
  await pace.turn(abort.signal);
  const waiting = pace.turn(abort.signal);
  abort.abort();
  await waiting;
  t.equal(clock.monotonicMs(), 0);
});
