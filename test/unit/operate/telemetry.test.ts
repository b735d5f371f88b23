import t from 'tap';
import { idleReceiver, message, openParts } from './worker-parts.js';

const letter = { kind: 'dead-lettered', code: 'not-json', reason: 'no JSON', at: 'body' } as const;

t.test('a thousand dead letters at once are one line, and one more with their count', async (t) => {
  const { clock, lines, telemetry } = openParts();
  for (let n = 1; n <= 1_000; n++) telemetry.settled('orders', message(`M${n}`), letter);
  t.equal(lines.length, 1);
  t.match(lines[0], { level: 'warn', queue: 'orders', messageId: 'M1', attempt: 1, code: 'not-json' });
  t.notOk('count' in (lines[0] ?? {}));
  clock.advance(10_000);
  t.equal(lines.length, 2);
  t.match(lines[1], { messageId: 'M1000', code: 'not-json', count: 999 });
  telemetry.settled('orders', message('M1001'), { ...letter, code: 'empty-body' });
  t.match(lines[2], { messageId: 'M1001', code: 'empty-body' }, 'another code is told at once');
});

t.test('at debug each settled message has one line', async (t) => {
  const { lines, telemetry } = openParts({ level: 'debug' });
  const cause = Object.assign(new Error('no'), { code: 'Broken' });
  const rows: [outcome: Parameters<typeof telemetry.settled>[2], facts: object][] = [
    [
      { kind: 'published', eventId: 'e1' },
      { outcome: 'published', eventId: 'e1' },
    ],
    [
      { kind: 'duplicate', eventId: 'e2' },
      { outcome: 'duplicate', eventId: 'e2' },
    ],
    [
      { kind: 'forwarded', eventId: 'e3' },
      { outcome: 'forwarded', eventId: 'e3' },
    ],
    [letter, { outcome: 'dead-lettered', code: 'not-json' }],
    [letter, { outcome: 'dead-lettered', code: 'not-json' }],
    [{ kind: 'discarded' }, { outcome: 'discarded' }],
    [
      { kind: 'released', delaySeconds: 2, cause },
      { outcome: 'released', code: 'Broken', delaySeconds: 2 },
    ],
    [{ kind: 'lease-lost' }, { outcome: 'lease-lost' }],
    [{ kind: 'abandoned' }, { outcome: 'abandoned' }],
  ];
  for (const [n, [outcome]] of rows.entries()) telemetry.settled('orders', message(`M${n}`, n), outcome);
  const settled = lines.filter(({ message }) => message === 'message settled');
  t.equal(settled.length, rows.length);
  for (const [n, [, facts]] of rows.entries()) {
    t.match(settled[n], { level: 'debug', queue: 'orders', messageId: `M${n}`, attempt: n, ...facts });
  }
});

t.test('a healthy worker writes nothing between its start and its stop', async (t) => {
  const { clock, lines, telemetry } = openParts();
  for (let n = 0; n < 100; n++) {
    telemetry.received('orders', 1, clock.now());
    telemetry.mnsCalled('orders', { operation: 'BatchReceiveMessage', durationMs: 10, error: undefined });
    telemetry.acked('orders', 10, 5);
    telemetry.published(1);
    telemetry.settled('orders', message(), { kind: 'published', eventId: 'e' });
    telemetry.received('orders', 0, Infinity);
    clock.advance(1_000);
  }
  t.same(lines, []);
});

t.test('a stop tells what was not told yet', async (t) => {
  const { lines, telemetry } = openParts();
  for (let n = 0; n < 5; n++) telemetry.settled('orders', message(`M${n}`), { kind: 'abandoned' });
  telemetry.stopped(1);
  t.match(lines, [{ messageId: 'M0' }, { messageId: 'M4', count: 4 }, { message: 'worker stopped' }]);
});

t.test('errors of failed deletes are a burst for each code', async (t) => {
  const { clock, lines, telemetry } = openParts();
  const error = (code: string): Error => Object.assign(new Error(`it says ${code}`), { code });
  for (let n = 0; n < 30; n++) {
    telemetry.ackFailed('orders', error('InternalError'), 16);
    telemetry.ackFailed('orders', error('TimedOut'), 16);
  }
  clock.advance(10_000);
  t.same(
    lines.map(({ code, count }) => [code, count]),
    [
      ['InternalError', undefined],
      ['TimedOut', undefined],
      ['InternalError', 29],
      ['TimedOut', 29],
    ],
  );
});

t.test('no line holds a body or a handle, whatever an error says of itself', async (t) => {
  const { lines, telemetry } = openParts({ level: 'debug' });
  const cause = Object.assign(new Error('no', { cause: 'https://x?Signature=secret' }), {
    code: 'Broken',
    body: 'secret',
    receiptHandle: 'secret',
  });
  telemetry.queueStarted('orders', 1, 1, idleReceiver);
  telemetry.receiveFailed('orders', cause, 1);
  telemetry.ackFailed('orders', cause, 1);
  telemetry.settled('orders', message(), { kind: 'released', delaySeconds: 1, cause });
  telemetry.connectFailed(['nats://x'], cause, 1);
  t.ok(lines.length >= 5);
  t.notMatch(JSON.stringify(lines), 'secret');
});
