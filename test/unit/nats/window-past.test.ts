import t from 'tap';
import { WindowPast } from '../../../src/nats/streams/window-past.js';
import { manualClock } from '../../support/manual-clock.js';

const [minuteMs, hourMs] = [60_000, 3_600_000];

t.test('a window that somebody else lengthens does not recall ids, and is noticed at the next look', (t) => {
  const clock = manualClock(Date.now());
  const past = new WindowPast(clock);
  past.seen('VOD_EVENTS', hourMs, hourMs);
  t.notOk(past.mayHaveForgotten('VOD_EVENTS', clock.now() - 2 * hourMs), 'it is as long as it should be');
  past.seen('VOD_EVENTS', 4 * hourMs, hourMs);
  t.ok(past.mayHaveForgotten('VOD_EVENTS', clock.now() - 2 * hourMs), 'it was out of the shorter one');
  t.notOk(past.mayHaveForgotten('VOD_EVENTS', clock.now() - hourMs / 2), 'it was not');
  t.notOk(past.mayHaveForgotten('OTHER', clock.now() - 2 * hourMs), 'another stream');
  t.end();
});

t.test('what is older than a window that is too short may be forgotten, at any time', (t) => {
  const clock = manualClock(Date.now());
  const past = new WindowPast(clock);
  past.seen('VOD_EVENTS', hourMs, 4 * hourMs);
  for (const laterMs of [0, 10 * hourMs]) {
    clock.advance(laterMs);
    t.ok(past.mayHaveForgotten('VOD_EVENTS', clock.now() - hourMs));
    t.ok(past.mayHaveForgotten('VOD_EVENTS', clock.now() - hourMs + 9 * minuteMs), 'clocks differ');
    t.notOk(past.mayHaveForgotten('VOD_EVENTS', clock.now() - hourMs / 2));
  }
  past.seen('VOD_EVENTS', 4 * hourMs, 4 * hourMs);
  t.notOk(past.mayHaveForgotten('VOD_EVENTS', clock.now() - hourMs / 2));
  t.ok(past.mayHaveForgotten('VOD_EVENTS', clock.now() - 2 * hourMs), 'from before it was lengthened');
  t.end();
});
