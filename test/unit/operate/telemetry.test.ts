import t from 'tap';
import type { Telemetry } from '../../../src/operate/telemetry.js';
import type { FollowUp } from '../../../src/event/follow-up.js';
import { idleReceiver, message, openParts } from './worker-parts.js';

const followUp: FollowUp = {
  eventId: 'e',
  source: 'acs:vod:cn-shanghai:1',
  queue: 'orders',
  eventTime: '2026-03-20T08:00:00Z',
  mediaId: 'm',
  mediaType: 'video',
  deleteType: 'all',
  status: 'fail',
  attempts: 0,
  postponements: 0,
  waitMs: 0,
};
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
    [
      { kind: 'lease-lost', eventId: 'e4', cause },
      { outcome: 'lease-lost', eventId: 'e4', code: 'Broken' },
    ],
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

t.test('a queue that fails every other poll is one line, and one when it is over', async (t) => {
  const { clock, lines, telemetry } = openParts();
  for (let n = 0; n < 100; n++) {
    const code = n % 2 === 0 ? 'InternalError' : 'TimedOut';
    telemetry.receiveFailed('orders', Object.assign(new Error(code), { code }), 123.456);
    telemetry.receiveRecovered('orders');
    clock.advance(100);
  }
  clock.advance(10_000);
  t.match(lines, [
    { level: 'warn', queue: 'orders', code: 'InternalError', retryInMs: 123 },
    { level: 'warn', code: 'TimedOut' },
    { level: 'info', failures: 100, message: 'MNS receive works again' },
  ]);
});

t.test(
  'a NATS that stores and does not, many times a second, is a line for each trouble, and one for each end',
  async (t) => {
    const { clock, lines, telemetry } = openParts();
    for (let n = 0; n < 100; n++) {
      telemetry.publishTrouble('no space', 'VOD_EVENTS');
      telemetry.storeGate('no space');
      telemetry.storeGate(undefined);
      telemetry.disconnected('nats:4222');
      telemetry.reconnected('nats:4222');
    }
    t.equal(lines.length, 3);
    t.match(
      lines.find(({ level }) => level === 'error'),
      { reason: 'no space', advice: /vod-relay doctor/ },
    );
    clock.advance(10_000);
    t.match(lines.slice(3), [
      { message: 'NATS storage of events works again', closures: 100 },
      { message: 'NATS connected again', losses: 100 },
    ]);
  },
);

t.test('while NATS is away, that nothing comes from its consumers is no line of its own', async (t) => {
  const { clock, lines, state, telemetry } = openParts();
  telemetry.connected('nats:4222');
  telemetry.jobQueueRunning('follow-up');
  telemetry.storeGate('NATS acknowledges nothing');
  const before = lines.length;
  telemetry.jobQueueFailed('follow-up', 'NATS does not answer in time (TIMEOUT)', 1);
  telemetry.permitsFailed('1', 'NATS does not answer in time (TIMEOUT)', 1);
  t.equal(lines.length, before);
  t.equal(state.followUp.consumers.get('follow-up'), 'NATS does not answer in time (TIMEOUT)');
  telemetry.storeGate(undefined);
  telemetry.jobQueueFailed('follow-up', 'NATS does not answer in time (TIMEOUT)', 1);
  t.match(lines.at(-1), { level: 'error', consumer: 'follow-up', reason: /does not answer/ });
  telemetry.jobQueueRunning('follow-up');
  clock.advance(10_000);
  t.match(lines.at(-1), { failures: 1, message: 'follow-up consumer works again' });
});

t.test('that follow-ups come for the first time is told at once, whatever failed before', async (t) => {
  const { clock, lines, telemetry } = openParts();
  telemetry.connected('nats:4222');
  telemetry.jobQueueFailed('follow-up', 'stream not found', 1);
  telemetry.jobQueueRunning('follow-up');
  t.match(lines.at(-1), { message: 'follow-up consumer started' });
  const count = lines.length;
  clock.advance(60_000);
  telemetry.jobQueueRunning('follow-up');
  t.equal(lines.length, count, 'and once');
});

t.test('a thousand follow-ups that are blocked among others that succeed are one line', async (t) => {
  const { clock, lines, telemetry } = openParts();
  const settle = (outcome: 'blocked' | 'deleted'): void => {
    telemetry.followUpSettled(followUp, { outcome, row: 'refused', reason: 'VOD refused', attempts: 0 });
  };
  for (let n = 0; n < 1_000; n++) {
    settle('blocked');
    settle('deleted');
  }
  t.match(lines, [{ level: 'error', outcome: 'blocked', row: 'refused' }]);
  clock.advance(10_000);
  t.match(lines[1], { outcome: 'blocked', count: 999 });
  t.equal(lines.length, 2);
});

t.test('a stop tells what was not told yet', async (t) => {
  const { lines, telemetry } = openParts();
  for (let n = 0; n < 5; n++) telemetry.settled('orders', message(`M${n}`), { kind: 'abandoned' });
  telemetry.stopped(1);
  t.match(lines, [{ messageId: 'M0' }, { messageId: 'M4', count: 4 }, { message: 'worker stopped' }]);
});

t.test('errors of failed deletes are one line for each code, and one when they are over', async (t) => {
  const { clock, lines, telemetry } = openParts();
  const error = (code: string): Error => Object.assign(new Error(`it says ${code}`), { code });
  for (let n = 0; n < 30; n++) {
    telemetry.ackFailed('orders', error('InternalError'), 16);
    telemetry.ackFailed('orders', error('TimedOut'), 16);
  }
  clock.advance(600_000);
  telemetry.ackFailed('orders', error('TimedOut'), 16);
  telemetry.acked('orders', 1, 1);
  clock.advance(5_000);
  t.match(lines, [
    { code: 'InternalError' },
    { code: 'TimedOut' },
    { code: 'TimedOut', count: 30 },
    { message: 'MNS delete works again', failures: 61 },
  ]);
});

t.test(
  'every trouble of NATS that repeats is one line, then one in ten minutes with the count',
  async (t) => {
    const troubles: ((telemetry: Telemetry, n: number) => void)[] = [
      (telemetry) => {
        telemetry.streamDiffers('VOD_EVENTS', ['num_replicas is 1, the config says 3']);
      },
      (telemetry, n) => {
        telemetry.declareFailed('VOD_EVENTS', `no answer to "_INBOX_vod-relay.${'x'.repeat(n)}"`, n);
      },
      (telemetry, n) => {
        telemetry.refused({ text: `Maximum Payload Violation of ${n} bytes` });
      },
      (telemetry, n) => {
        telemetry.publishTrouble(`no space for ${n} bytes`, 'VOD_EVENTS');
      },
      (telemetry, n) => {
        telemetry.storeGate(`no space for ${n} bytes`);
      },
      (telemetry, n) => {
        telemetry.disconnected(`nats:${n}`);
        telemetry.reconnected(`nats:${n}`);
      },
    ];
    for (const trouble of troubles) {
      const { clock, lines, telemetry } = openParts();
      for (let n = 0; n < 250; n++) {
        trouble(telemetry, n);
        clock.advance(4_900);
      }
      t.equal(lines.length, 3);
      t.ok(lines.slice(1).every(({ count }) => typeof count === 'number' && count > 100));
    }
  },
);

t.test('what NATS refuses is told with its words, the subject and the next step', async (t) => {
  const { lines, telemetry } = openParts();
  const subject = '$JS.API.STREAM.CREATE.VOD_EVENTS';
  telemetry.refused({
    text: `Permissions Violation for Publish to "${subject}"`,
    operation: 'publish',
    subject,
  });
  telemetry.refused({
    text: 'Permissions Violation for Subscription to "_INBOX_vod-relay.X.*"',
    operation: 'subscription',
    subject: '_INBOX_vod-relay.X.*',
  });
  telemetry.refused({ text: 'Authorization Violation' });
  telemetry.refused({ text: 'Unknown Protocol Operation' });
  t.match(lines, [
    { error: /Publish to/, operation: 'publish', subject, advice: /deploy\/nats\/worker\.conf/ },
    { operation: 'subscription', advice: /subscribe to "_INBOX_vod-relay\.>"/ },
    { error: 'Authorization Violation', advice: /nats\.auth/ },
    { error: 'Unknown Protocol Operation', advice: /vod-relay doctor/ },
  ]);
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
  telemetry.connectFailed(['nats://x'], cause.message, cause, 1);
  t.ok(lines.length >= 5);
  t.notMatch(JSON.stringify(lines), 'secret');
});
