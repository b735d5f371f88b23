import t from 'tap';
import { paced } from '../../../src/operate/paced.js';
import { manualClock } from '../../support/manual-clock.js';

t.test('all who ask before an answer is begun share it, and the next one comes after a rest', async (t) => {
  const clock = manualClock(0);
  let made = 0;
  const ask = paced(clock, async () => {
    await Promise.resolve();
    clock.advance(10);
    return ++made;
  });
  t.same(await Promise.all([ask(), ask(), ask()]), [1, 1, 1]);
  const later = Promise.all([ask(), ask()]);
  await Promise.resolve();
  clock.advance(39);
  t.equal(made, 1, 'four times as long as the work took');
  clock.advance(1);
  t.same(await later, [2, 2], 'and none gets an answer from before its question');
});

t.test('one that fails holds up no other', async (t) => {
  let made = 0;
  const ask = paced(manualClock(0), () =>
    ++made === 1 ? Promise.reject(new Error('first')) : Promise.resolve(made),
  );
  await t.rejects(ask(), { message: 'first' });
  t.equal(await ask(), 2);
});
