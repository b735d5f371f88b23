import t from 'tap';
import { liveness, readiness, startup } from '../../../src/operate/health.js';
import { statusOf } from '../../../src/operate/status.js';
import { idleReceiver, openParts } from './worker-parts.js';

/** A worker with nothing wrong. */
function openWell() {
  const parts = openParts();
  const { telemetry } = parts;
  telemetry.connected('nats:4222');
  telemetry.queueStarted('orders', 30_000, 60_000, { ...idleReceiver });
  telemetry.jobQueueRunning('follow-up');
  telemetry.started();
  return parts;
}

t.test('a worker in which all is well is ready', async (t) => {
  const { clock, state } = openWell();
  t.same(readiness(state, clock), {
    ok: true,
    parts: {
      worker: { ok: true },
      nats: { ok: true },
      'queue orders': { ok: true },
      'follow-up': { ok: true },
    },
  });
  t.equal(liveness(state, 0).ok, true);
  t.equal(startup(state).ok, true);
});

t.test(
  'each part that is not well makes it unready, alone, with its reason, and does not end its life',
  async (t) => {
    const refused = Object.assign(new Error('AccessDenied: no'), {
      code: 'AccessDenied',
      advice: 'grant it',
    });
    type Told = ReturnType<typeof openWell>['telemetry'];
    const rows: [part: string, reason: RegExp, breaks: (told: Told) => void, mends?: (told: Told) => void][] =
      [
        [
          'nats',
          /the connection to NATS is lost/,
          (told) => {
            told.disconnected('nats:4222');
            told.storeGate('the connection to NATS is lost');
          },
          (told) => {
            told.reconnected('nats:4222');
            told.storeGate(undefined);
          },
        ],
        [
          'nats',
          /nothing can be stored for 6 s: no space/,
          (told) => {
            told.storeGate('no space');
          },
          (told) => {
            told.storeGate(undefined);
          },
        ],
        [
          'queue orders',
          /every poll fails for 6 s: AccessDenied: no; grant it/,
          (told) => {
            told.receiveFailed('orders', refused, 1);
            told.ackFailed('orders', new Error('another trouble of the same queue'), 1);
          },
          (told) => {
            told.receiveRecovered('orders');
          },
        ],
        [
          'follow-up',
          /consumer follow-up: no stream/,
          (told) => {
            told.jobQueueFailed('follow-up', 'no stream', 1);
          },
          (told) => {
            told.jobQueueRunning('follow-up');
          },
        ],
        [
          'worker',
          /stopping/,
          (told) => {
            told.stopping(0, 1);
          },
        ],
      ];
    for (const [part, reason, breaks, mends] of rows) {
      const { clock, state, telemetry } = openWell();
      breaks(telemetry);
      clock.advance(6_000);
      const { ok, parts } = readiness(state, clock);
      t.equal(ok, false, part);
      t.match(parts[part], { ok: false, reason });
      t.same(
        Object.entries(parts).flatMap(([name, { ok }]) => (ok ? [] : [name])),
        [part],
      );
      t.equal(liveness(state, 0).ok, true);
      t.equal(startup(state).ok, true);
      if (!mends) continue;
      mends(telemetry);
      t.equal(readiness(state, clock).ok, true, 'and is over');
    }
  },
);

t.test('one failed poll is no outage', async (t) => {
  const { clock, state, telemetry } = openWell();
  telemetry.receiveFailed('orders', new Error('once'), 1);
  clock.advance(4_999);
  t.equal(readiness(state, clock).ok, true);
  clock.advance(1);
  t.equal(readiness(state, clock).ok, false);
});

t.test('the start is over when the worker runs, or is held up from outside', async (t) => {
  const trouble = new Error('away');
  type Told = ReturnType<typeof openParts>['telemetry'];
  const rows: [what: string, happens: (told: Told) => void, isOver: boolean][] = [
    ['nothing', () => undefined, false],
    [
      'NATS is connected',
      (told) => {
        told.connected('nats:4222');
      },
      false,
    ],
    [
      'it runs',
      (told) => {
        told.started();
      },
      true,
    ],
    [
      'NATS is away',
      (told) => {
        told.connectFailed([], 'no', trouble, 1);
      },
      true,
    ],
    [
      'the stream is refused',
      (told) => {
        told.declareFailed('VOD_EVENTS', 'no', 1);
      },
      true,
    ],
    [
      'the queue is away',
      (told) => {
        told.attributesFailed('orders', trouble, 1);
      },
      true,
    ],
  ];
  for (const [what, happens, isOver] of rows) {
    const { clock, state, telemetry } = openParts();
    happens(telemetry);
    t.equal(startup(state).ok, isOver, what);
    t.equal(readiness(state, clock).ok, false, 'and it is not ready');
    t.equal(liveness(state, 0).ok, true);
  }
});

t.test('only a stuck receiver or an event loop that hangs for a minute ends its life', async (t) => {
  const { state } = openWell();
  t.equal(liveness(state, 60_000).ok, true);
  t.match(liveness(state, 60_001).parts['event loop'], { ok: false, reason: 'held up for 60 s' });
  const queue = state.queues.get('orders');
  if (queue) queue.receiver = { ...idleReceiver, stuck: 'no poll has returned' };
  t.match(liveness(state, 0), {
    ok: false,
    parts: { 'queue orders': { ok: false, reason: 'no poll has returned' } },
  });
});

t.test('the probe of life shows by what it judges', async (t) => {
  const { clock, state, telemetry } = openWell();
  t.match(liveness(state, 12.3).parts, {
    'event loop': { ok: true, delayMs: 12 },
    'queue orders': { ok: true, lastPollAt: null, lastSettledAt: null },
  });
  telemetry.received('orders', 1, clock.now());
  clock.advance(1_000);
  telemetry.settled('orders', { messageId: 'M', attempt: 1 }, { kind: 'published', eventId: 'e' });
  t.match(liveness(state, 0).parts['queue orders'], {
    lastPollAt: '2026-03-20T08:00:00.000Z',
    lastSettledAt: '2026-03-20T08:00:01.000Z',
  });
});

t.test('a NATS that cannot be reached is told with its address and what to do', async (t) => {
  const { clock, state, telemetry } = openParts();
  const reason = 'NATS does not answer in time (TIMEOUT)';
  telemetry.connectFailed(['nats://n1:4222', 'nats://n2:4222'], reason, new Error('TIMEOUT'), 1);
  t.equal(
    readiness(state, clock).parts['nats']?.reason,
    'not connected: nats://n1:4222, nats://n2:4222: NATS does not answer in time (TIMEOUT); ' +
      '`vod-relay doctor` says what to mend',
  );
});

t.test('a stream that could be declared after all is no reason for a start that takes long', async (t) => {
  const { clock, state, telemetry } = openParts({ queues: ['orders', 'others'] });
  telemetry.declareFailed('VOD_EVENTS', 'no', 1);
  t.match(readiness(state, clock).parts['worker']?.reason, 'the stream VOD_EVENTS cannot be declared');
  telemetry.queueStarted('orders', 30_000, 60_000, { ...idleReceiver });
  t.equal(readiness(state, clock).parts['worker']?.reason, 'starting', 'now it is the other queue');
});

t.test('why nothing can be stored is the last error of NATS', async (t) => {
  const { clock, ledger, state, telemetry } = openWell();
  telemetry.storeGate('NATS acknowledges nothing');
  telemetry.storeGate(undefined);
  t.match(JSON.parse(JSON.stringify(statusOf(state, ledger, { clock, loopDelayMs: 0 }))), {
    nats: { ok: true, lastError: { message: 'NATS acknowledges nothing', advice: /doctor/ } },
  });
});

t.test('the status tells rates, lag, times and last errors', async (t) => {
  const { clock, ledger, state, telemetry } = openWell();
  clock.advance(60_000);
  telemetry.received('orders', 60, clock.now() - 3_000);
  telemetry.settled('orders', { messageId: 'M', attempt: 1 }, { kind: 'published', eventId: 'e' });
  telemetry.receiveFailed('orders', Object.assign(new Error('slow down'), { code: 'TooManyRequests' }), 1);
  telemetry.receiveRecovered('orders');
  telemetry.followUpBacklog(7, 90_000, 1_000_000);
  telemetry.permitsSlowed('1', 1_000);
  clock.advance(5_000);
  const status = JSON.parse(JSON.stringify(statusOf(state, ledger, { clock, loopDelayMs: 3 }))) as object;
  t.match(status, {
    version: '1.2.3',
    role: 'both',
    phase: 'running',
    startedAt: '2026-03-20T08:00:00.000Z',
    uptimeSeconds: 65,
    eventLoopDelayMs: 3,
    nats: { ok: true, server: 'nats:4222', lastError: null },
    queues: {
      orders: {
        ok: true,
        pollers: 1,
        inFlight: 0,
        lagSeconds: 3,
        lastMessageAt: '2026-03-20T08:01:00.000Z',
        secondsWithoutMessage: 5,
        lastError: { code: 'TooManyRequests', message: 'slow down', at: '2026-03-20T08:01:00.000Z' },
        totals: { received: 60, published: 1 },
      },
    },
    followUp: { ok: true, backlog: 7, oldestSeconds: 90, slowedAccounts: ['1'] },
  });
  const { receivedPerSecond } = (status as { queues: { orders: { receivedPerSecond: number } } }).queues
    .orders;
  t.ok(receivedPerSecond > 0.9 && receivedPerSecond < 1.2, `${receivedPerSecond}`);
});
