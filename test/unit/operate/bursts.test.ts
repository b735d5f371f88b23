import t from 'tap';
import { Bursts } from '../../../src/operate/bursts.js';
import { manualClock } from '../../support/manual-clock.js';

function open() {
  const clock = manualClock(0);
  const bursts = new Bursts(clock);
  const lines: string[] = [];
  const tell = (kind: string, name: string): void => {
    bursts.tell(kind, ({ count }) => lines.push(count === undefined ? name : `${name} x${count}`));
  };
  return { clock, bursts, lines, tell };
}

t.test('one thing is one line, at once and without a count', async (t) => {
  const { clock, lines, tell } = open();
  tell('lost', 'a');
  t.same(lines, ['a']);
  clock.advance(60_000);
  t.same(lines, ['a']);
});

t.test(
  'a burst is one line at once, then one after ten seconds, a minute and each ten minutes, with the count and the last of them',
  async (t) => {
    const { clock, lines, tell } = open();
    for (let n = 1; n <= 1_000; n++) tell('lost', `m${n}`);
    t.same(lines, ['m1']);
    clock.advance(9_999);
    t.same(lines, ['m1']);
    clock.advance(1);
    t.same(lines, ['m1', 'm1000 x999']);
    for (const [name, laterMs] of [
      ['m1001', 60_000],
      ['m1002', 600_000],
      ['m1003', 600_000],
    ] as const) {
      tell('lost', name);
      clock.advance(laterMs - 1);
      t.notMatch(lines.at(-1), name);
      clock.advance(1);
      t.equal(lines.at(-1), `${name} x1`);
    }
  },
);

t.test('after a quiet minute a burst is over, and the next thing is told at once', async (t) => {
  const { clock, lines, tell } = open();
  tell('lost', 'a');
  tell('lost', 'b');
  clock.advance(70_000);
  t.same(lines, ['a', 'b x1']);
  tell('lost', 'c');
  t.same(lines, ['a', 'b x1', 'c']);
});

t.test('kinds are told apart', async (t) => {
  const { clock, lines, tell } = open();
  tell('lost', 'a');
  tell('failed', 'b');
  tell('lost', 'c');
  t.same(lines, ['a', 'b']);
  clock.advance(10_000);
  t.same(lines, ['a', 'b', 'c x1']);
});

t.test('nothing is kept back at the end', async (t) => {
  const { clock, bursts, lines, tell } = open();
  tell('lost', 'a');
  tell('lost', 'b');
  tell('lost', 'c');
  bursts.flush();
  t.same(lines, ['a', 'c x2']);
  bursts.flush();
  clock.advance(10_000);
  t.same(lines, ['a', 'c x2'], 'and told once');
});
