import t from 'tap';
import { Once } from '../../../src/operate/once.js';
import { manualClock } from '../../support/manual-clock.js';

function open() {
  const clock = manualClock(0);
  const once = new Once(clock);
  const lines: string[] = [];
  const fails = (form = 'timeout'): void => {
    once.tell('poll', form, ({ count }) => lines.push(count === undefined ? form : `${form} x${count}`));
  };
  const works = (): void => {
    once.over('poll', (times) => lines.push(`over after ${times}`));
  };
  return { clock, once, lines, fails, works };
}

t.test('a trouble is told once in each of its forms, in whatever order they come', async (t) => {
  const { lines, fails } = open();
  for (let n = 0; n < 100; n++) fails(n % 2 === 0 ? 'timeout' : 'reset');
  t.same(lines, ['timeout', 'reset']);
});

t.test('one that takes another form each time is told some times, not each time', async (t) => {
  const { lines, fails } = open();
  for (let n = 0; n < 1_000; n++) fails(`request ${String.fromCharCode(0x4e00 + n)}`);
  t.equal(lines.length, 21);
});

t.test('figures, inboxes and the ids in a subject make no other cause', async (t) => {
  const causes: ((n: number) => string)[] = [
    (n) => `no answer within ${n} ms`,
    (n) => `Permissions Violation for Subscription to "_INBOX_vod-relay.A${'bc'.repeat(n)}.*"`,
    (n) => `Permissions Violation for Publish to "vod.event.Other.${'x'.repeat(n + 1)}"`,
  ];
  for (const cause of causes) {
    const { lines, fails } = open();
    for (let n = 0; n < 100; n++) fails(cause(n));
    t.same(lines, [cause(0)]);
  }
  const { lines, fails } = open();
  fails('Permissions Violation for Publish to "$JS.API.STREAM.CREATE.VOD_EVENTS"');
  fails('Permissions Violation for Publish to "$JS.API.STREAM.CREATE.VOD_PERMITS"');
  t.equal(lines.length, 2, 'another request is another cause');
});

t.test('one that comes and goes is told ever more rarely', async (t) => {
  const { clock, lines, fails, works } = open();
  for (let second = 0; second < 3_600; second += 6) {
    fails();
    works();
    clock.advance(6_000);
  }
  t.ok(lines.length < 20, `${lines.length} lines in an hour`);
});

t.test('one that lasts is told again every ten minutes, with how often it came', async (t) => {
  const { clock, lines, fails } = open();
  for (let second = 0; second < 1_500; second++) {
    fails();
    clock.advance(1_000);
  }
  t.same(lines, ['timeout', 'timeout x600', 'timeout x600']);
});

t.test('its end is told when it has not come back for five seconds', async (t) => {
  const { clock, lines, fails, works } = open();
  works();
  clock.advance(60_000);
  t.same(lines, [], 'there was none');
  fails();
  fails();
  works();
  clock.advance(4_999);
  works();
  t.same(lines, ['timeout']);
  clock.advance(1);
  t.same(lines, ['timeout', 'over after 2'], 'from the first success on');
  fails();
  t.same(lines, ['timeout', 'over after 2', 'timeout'], 'the next one is another');
});

t.test('what fails now and then is one trouble', async (t) => {
  const { clock, lines, fails, works } = open();
  for (let second = 0; second < 60; second++) {
    fails();
    works();
    clock.advance(1_000);
  }
  clock.advance(10_000);
  t.same(lines, ['timeout', 'over after 60']);
});

t.test('one whose end something else tells is forgotten at once', async (t) => {
  const { clock, once, lines, fails, works } = open();
  fails();
  works();
  once.forget('poll');
  clock.advance(60_000);
  fails();
  t.same(lines, ['timeout', 'timeout']);
});
