import t from 'tap';
import { metricTable } from '../../../src/operate/metric-table.js';
import { mnsResult } from '../../../src/operate/mns-result.js';
import { sumOf } from '../../support/worker-http.js';
import { idleReceiver, message, openParts } from './worker-parts.js';

t.test('names, labels and texts follow the conventions of Prometheus', async (t) => {
  const { metrics } = openParts();
  const text = await metrics.text();
  const types = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]);
  t.ok(types.length > Object.keys(metricTable).length, 'with those of the process');
  for (const [name = '', type] of types) {
    t.match(name, /^[a-z][a-z0-9_]*$/);
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    t.notMatch(name, /_(count|sum|bucket|ms|milliseconds|minutes)$/);
  }
  for (const [name, { type, help, labels }] of Object.entries(metricTable)) {
    t.match(text, `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    if (type === 'histogram') t.match(name, /_seconds$/);
    for (const label of labels) {
      t.ok(
        [
          'queue',
          'outcome',
          'code',
          'operation',
          'result',
          'account',
          'version',
          'role',
          'kind',
          'consumer',
          'of',
        ].includes(label),
      );
    }
  }
});

t.test('what alerts look at is there from the start, with 0', async (t) => {
  const { scrape } = openParts({ queues: ['orders', 'others'] });
  const samples = await scrape();
  const series = (name: string): number => samples.filter((sample) => sample.name === name).length;
  t.equal(series('vod_relay_messages_received_total'), 2);
  t.equal(series('vod_relay_messages_settled_total'), 2 * 8);
  t.equal(series('vod_relay_messages_in_flight'), 2);
  t.equal(series('vod_relay_polls_replaced_total'), 2);
  t.ok(series('vod_relay_dead_letters_total') > 10);
  t.equal(series('vod_relay_message_failures_total'), 2);
  t.equal(series('vod_relay_follow_up_settled_total'), 8);
  t.equal(sumOf(samples, 'vod_relay_messages_settled_total'), 0);
});

t.test(
  'the ledger of one scrape is of one moment, and of the moment in which it was asked for',
  async (t) => {
    const { ledger, state, metrics, telemetry } = openParts();
    const receiver = { ...idleReceiver };
    telemetry.queueStarted('orders', 1, 1, receiver);
    ledger.received('orders', 10);
    receiver.inFlight = 10;
    const asked = metrics.text();
    // Messages settle while the answer is being written.
    for (let n = 0; n < 50; n++) {
      await Promise.resolve();
      if (n % 5 === 0) {
        telemetry.settled('orders', message(), { kind: 'published', eventId: 'e' });
        receiver.inFlight--;
      }
    }
    const text = await asked;
    t.match(text, 'vod_relay_messages_received_total{queue="orders"} 10\n');
    t.match(text, 'vod_relay_messages_settled_total{queue="orders",outcome="published"} 0\n');
    t.match(text, 'vod_relay_messages_in_flight{queue="orders"} 10\n');
    const later = await metrics.text();
    t.match(later, 'vod_relay_messages_settled_total{queue="orders",outcome="published"} 10\n');
    t.match(later, 'vod_relay_messages_in_flight{queue="orders"} 0\n');
    t.equal(state.queues.get('orders')?.settled.perSecond, 10);
  },
);

t.test('what failed is told from what a stop gave back', async (t) => {
  const { scrape, telemetry } = openParts();
  telemetry.settled('orders', message(), { kind: 'released', delaySeconds: 1 });
  telemetry.settled('orders', message(), { kind: 'released', delaySeconds: 1, cause: new Error('no') });
  telemetry.settled('orders', message(), { kind: 'lease-lost', cause: new Error('no') });
  const samples = await scrape();
  t.equal(sumOf(samples, 'vod_relay_messages_settled_total', { outcome: 'released' }), 2);
  t.equal(sumOf(samples, 'vod_relay_message_failures_total', { queue: 'orders' }), 2);
});

t.test('the follow-up tells whether it works, what waits, and what it cannot make sense of', async (t) => {
  const { scrape, telemetry } = openParts();
  const values = async (name: string): Promise<number[]> =>
    (await scrape()).filter((sample) => sample.name === name).map(({ value }) => value);
  t.same(await values('vod_relay_follow_up_slowed'), [0], 'for each account, before VOD refuses anything');
  t.same(await values('vod_relay_follow_up_up'), [0], 'it has not begun');
  t.same(await values('vod_relay_follow_up_backlog'), [], 'nobody has looked yet');
  t.same(await values('vod_relay_follow_up_oldest_seconds'), []);
  telemetry.connected('nats:4222');
  telemetry.jobQueueRunning('follow-up');
  telemetry.followUpBacklog(7, 90_000, 1_000_000);
  telemetry.followUpUnreadable('vod.event.x');
  telemetry.jobFailed('follow-up', new TypeError('no'), 1);
  t.same(await values('vod_relay_follow_up_up'), [1]);
  t.same(await values('vod_relay_follow_up_backlog'), [7]);
  t.same(await values('vod_relay_follow_up_oldest_seconds'), [90]);
  t.same(await values('vod_relay_follow_up_unreadable_total'), [1]);
  t.same(await values('vod_relay_follow_up_crashes_total'), [1]);
  telemetry.disconnected('nats:4222');
  t.same(await values('vod_relay_follow_up_up'), [0], 'nothing comes without NATS');
  telemetry.reconnected('nats:4222');
  t.same(await values('vod_relay_follow_up_up'), [1]);
  telemetry.jobQueueFailed('follow-up', 'no stream', 1);
  t.same(await values('vod_relay_follow_up_up'), [0]);
});

t.test('silence counts from the start until the first message', async (t) => {
  const { clock, scrape, telemetry } = openParts();
  const startSeconds = clock.now() / 1000;
  const last = async (): Promise<number> => sumOf(await scrape(), 'vod_relay_last_event_timestamp_seconds');
  clock.advance(3_600_000);
  telemetry.received('orders', 0, Infinity);
  t.equal(await last(), startSeconds, 'an empty poll is silence');
  telemetry.received('orders', 2, clock.now() - 5_000);
  t.equal(await last(), startSeconds + 3_600);
  t.equal(sumOf(await scrape(), 'vod_relay_queue_lag_seconds'), 5);
});

t.test('what came of a call to MNS is one of a few words, whatever MNS says', async (t) => {
  const error = (code: unknown, status?: number): unknown => ({ code, status });
  const rows: [error: unknown, result: string, operation?: string][] = [
    [undefined, 'ok'],
    [error('MessageNotExist', 404), 'empty', 'BatchReceiveMessage'],
    [error('MessageNotExist', 404), 'handle-gone'],
    [error('ReceiptHandleError', 400), 'handle-gone'],
    [error('TimedOut'), 'timed-out'],
    [error('ConnectionFailed'), 'connection-failed'],
    [error('UnexpectedAnswer', 200), 'unexpected-answer'],
    [error('UnexpectedAnswer', 502), 'unexpected-answer'],
    [error('NoCredentials'), 'no-credentials'],
    [error('QpsLimitExceeded', 403), 'throttled'],
    [error('whatever', 429), 'throttled'],
    [error('AccessDenied', 403), 'denied'],
    [error('QueueNotExist', 404), 'no-queue'],
    [error('whatever', 500), 'server-error'],
    [error('whatever', 400), 'refused'],
    [new DOMException('aborted', 'AbortError'), 'cut'],
  ];
  for (const [failure, result, operation = 'BatchDeleteMessage'] of rows) {
    t.equal(mnsResult(operation, failure), result, result);
  }
  t.equal(mnsResult('x', error('toString', 400)), 'refused', 'a name that every object has is no code');
});
