import t from 'tap';
import { systemClock } from '../../src/time.js';

t.test('a wait that no timer can have does not end at once', async (t) => {
  for (const delayMs of [2 ** 31, 2 ** 53, 1e300, Infinity, NaN]) {
    let isOver = false;
    const cancel = systemClock.after(delayMs, () => {
      isOver = true;
    });
    // Timers fire in the order of their ends: what ended at once would have by then.
    await new Promise<void>((resolve) => {
      systemClock.after(5, resolve);
    });
    t.equal(isOver, false, `${delayMs}`);
    cancel();
  }
});

t.test('a wait ends, and one that is cancelled does not', async (t) => {
  const ended: string[] = [];
  systemClock.after(1, () => ended.push('cancelled'))();
  await new Promise<void>((resolve) => {
    systemClock.after(2, () => {
      ended.push('waited for');
      resolve();
    });
  });
  t.same(ended, ['waited for']);
});
