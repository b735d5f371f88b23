import t from 'tap';
import { EventLoop } from '../../../src/operate/event-loop.js';
import { QueueLag } from '../../../src/operate/queue-lag.js';
import { Rate } from '../../../src/operate/rate.js';
import { manualClock } from '../../support/manual-clock.js';

t.test('the lag is the age of the oldest message of late, when it arrived', async (t) => {
  const clock = manualClock(1_000_000);
  const lag = new QueueLag(clock);
  const arrives = (ageMs: number): void => {
    lag.received(clock.now() - ageMs);
  };
  t.equal(lag.ms, 0, 'none before the first');
  arrives(4_000);
  arrives(1_000);
  t.equal(lag.ms, 4_000);
  clock.advance(10_000);
  arrives(500);
  t.equal(lag.ms, 4_000, 'a younger one does not hide it at once');
  for (let n = 0; n < 4; n++) {
    clock.advance(10_000);
    arrives(500);
  }
  t.equal(lag.ms, 500, 'but in half a minute');
  clock.advance(3_600_000);
  t.equal(lag.ms, 500, 'it stays while nothing is received');
  lag.empty();
  t.equal(lag.ms, 0, 'an empty queue has none');
});

t.test('a rate is that of the last minute, or of the time since the start', async (t) => {
  const clock = manualClock(0);
  const rate = new Rate(clock);
  t.equal(rate.perSecond, 0);
  rate.add(20);
  clock.advance(10_000);
  t.equal(rate.perSecond, 2, 'ten seconds after the start');
  for (let second = 0; second < 120; second++) {
    rate.add(7);
    clock.advance(1_000);
  }
  t.ok(Math.abs(rate.perSecond - 7) < 0.5, `${rate.perSecond} of 7`);
  clock.advance(60_000);
  t.equal(rate.perSecond, 0, 'a minute of silence');
});

t.test('the delay of the event loop is that of the last timer, or of the one that is due', async (t) => {
  const clock = manualClock(0);
  let heldUpMs = 0;
  const loop = new EventLoop({ ...clock, monotonicMs: () => clock.monotonicMs() + heldUpMs });
  clock.advance(10_000);
  t.equal(loop.delayMs, 0);
  heldUpMs = 90_000;
  t.equal(loop.delayMs, 89_000, 'the timer is due since then');
  clock.advance(1_000);
  t.equal(loop.delayMs, 90_000, 'it came that late');
  clock.advance(1_000);
  t.equal(loop.delayMs, 0, 'the next one came in time');
  loop.close();
});
