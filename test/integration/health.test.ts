import t, { type Test } from 'tap';
import { StoreGate } from '../../src/nats/publish/store-gate.js';
import { createEndpoints } from '../../src/operate/endpoints.js';
import { EventLoop } from '../../src/operate/event-loop.js';
import { startHttpServer } from '../../src/operate/http-server.js';
import { Ledger } from '../../src/operate/ledger.js';
import { createLog } from '../../src/operate/log.js';
import { createMetrics } from '../../src/operate/metrics.js';
import { WorkerState } from '../../src/operate/state.js';
import { createTelemetry } from '../../src/operate/telemetry.js';
import { ByteBudget } from '../../src/receive/byte-budget.js';
import { Receiver } from '../../src/receive/receiver.js';
import { manualClock } from '../support/manual-clock.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { startTestbed, type ConfigOverrides, type Role, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { httpAt, sumOf, workerHttp, type Probe, type WorkerHttp } from '../support/worker-http.js';

const queue = 'vod-events';

t.jobs = 3;

t.test(
  'a black-holed NATS turns /readyz false with its reason, never /livez, and flows again without a restart',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    await using proxy = await startTcpProxy({ port: testbed.nats.port });
    const nats = { servers: [`nats://127.0.0.1:${proxy.port}`] };
    await outage(t, testbed, { config: { nats }, proxy, part: 'nats' });
  },
);

t.test('so does one that is black-holed while messages are in flight', { buffered: true }, async (t) => {
  await using testbed = await startTestbed();
  await using proxy = await startTcpProxy({ port: testbed.nats.port });
  const nats = { servers: [`nats://127.0.0.1:${proxy.port}`] };
  const before = 'before the outage is seen';
  await outage(t, testbed, { config: { nats }, proxy, part: 'nats', feedWhen: before });
});

t.test('and so does a black-holed MNS', { buffered: true }, async (t) => {
  await using testbed = await startTestbed();
  await using proxy = await startTcpProxy({ port: testbed.sandbox.port });
  const queues = [testbed.queue(queue, { endpoint: `http://127.0.0.1:${proxy.port}` })];
  await outage(t, testbed, { config: { queues }, proxy, part: `queue ${queue}` });
});

interface OutageOptions {
  config: ConfigOverrides;
  proxy: { setBlackHole(on: boolean): void };
  /** The part of /readyz that has to name the outage. */
  part: string;
  feedWhen?: string;
}

async function outage(
  t: Test,
  testbed: Testbed,
  { config, proxy, part, feedWhen }: OutageOptions,
): Promise<void> {
  const { control, nats } = testbed;
  const feed = async (name: string): Promise<string[]> =>
    await control.feed(
      queue,
      Array.from({ length: 50 }, (_, n) => ({ body: deletionBody({ MediaId: `${name}-${n}` }) })),
    );
  const flowed = async (count: number): Promise<void> => {
    const isStored = async (): Promise<boolean> => (await storedEvents(nats.url)).length === count;
    await until(isStored, { what: `${count} events are stored`, everyMs: 100 });
  };
  const worker = await testbed.startWorker(config, 'relay');
  const http = await workerHttp(worker);
  const livez: number[] = [];
  const ready = async (): Promise<Probe> => {
    livez.push((await http.probe('/livez')).status);
    return await http.probe('/readyz');
  };
  await feed('first');
  await flowed(50);
  await until(async () => (await ready()).status === 200, { what: 'it is ready' });

  proxy.setBlackHole(true);
  if (feedWhen !== undefined) await feed('second');
  const { body } = await until(
    async () => {
      const answer = await ready();
      return answer.status === 503 && answer;
    },
    { what: '/readyz turns false', everyMs: 200 },
  );
  t.equal(body.parts?.[part]?.ok, false, `it names ${part}`);
  t.match(body.parts?.[part]?.reason, part === 'nats' ? /NATS/ : /every poll fails for .*TimedOut/);
  const others = Object.entries(body.parts ?? {}).filter(([name]) => name !== part);
  t.ok(
    others.every(([, { ok }]) => ok),
    'and nothing else',
  );
  if (feedWhen === undefined) await feed('second');

  proxy.setBlackHole(false);
  await flowed(100);
  await until(async () => (await ready()).status === 200, { what: 'it is ready again' });
  t.same(new Set(livez), new Set([200]), '/livez was true at all times');
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null }, 'the same process');
}

t.test('a wedged poll loop is noticed, replaced in vain, and turns /livez false', async (t) => {
  const clock = manualClock(Date.now());
  const state = new WorkerState(
    { version: '1', role: 'relay', queues: [queue], followsUp: false, accounts: [] },
    clock,
  );
  const ledger = new Ledger();
  const metrics = createMetrics({ state, ledger, clock });
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  const telemetry = createTelemetry({ log, ledger, state, metrics, clock });
  const loop = new EventLoop(clock);
  const endpoints = createEndpoints({ state, ledger, metrics, loop, clock });
  const server = await startHttpServer(
    { host: '127.0.0.1', port: 0 },
    endpoints,
    telemetry.answerFailed,
    clock,
  );
  t.teardown(() => server.close());
  const http = httpAt(`http://127.0.0.1:${server.port}`);
  let polls = 0;
  let isWedged = true;
  const answers: (() => void)[] = [];
  const receiver = new Receiver({
    budget: new ByteBudget(1_000_000_000),
    queue: {
      name: queue,
      // Heeds no signal while it is wedged.
      receive: async () => {
        polls++;
        await new Promise<void>((resolve) => (isWedged ? undefined : answers.push(resolve)));
        return [];
      },
      delete: async () => new Map(),
      changeVisibility: async () => 'R',
      close: async () => undefined,
    },
    visibilityMs: 30_000,
    receive: {
      batch: 16,
      waitMs: 20_000,
      maxInFlight: 100,
      maxLeaseMs: 60_000,
      pollers: { min: 1, max: 1 },
    },
    ack: { batch: 1, lingerMs: 0 },
    gate: new StoreGate(() => undefined),
    clock,
    events: telemetry,
    handle: (lease) => lease.ack(),
  });
  telemetry.connected('here');
  telemetry.queueStarted(queue, 30_000, 60_000, receiver);
  telemetry.started();
  receiver.start();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  await pass(60_000);
  t.equal((await http.probe('/readyz')).status, 200, 'a poll may take a while');
  await pass(15_000);
  t.ok(polls > 1, 'the poll is replaced');
  t.equal(sumOf(await http.scrape(), 'vod_relay_polls_replaced_total', { queue }), 1);
  t.match(lines.join(''), 'a poll has not returned within 65000 ms');
  t.match((await http.probe('/readyz')).body.parts?.[`queue ${queue}`]?.reason, /a poll has not returned/);
  t.equal((await http.probe('/livez')).status, 200, 'the one that replaces it may do better');
  await pass(90_000);
  const { status, body } = await http.probe('/livez');
  t.equal(status, 503);
  t.match(body.parts?.[`queue ${queue}`], { ok: false, reason: /no poll has returned/ });

  isWedged = false;
  await until(
    async () => {
      await pass(5_000);
      return answers.length > 0;
    },
    { what: 'a poll that works' },
  );
  for (const answer of answers.splice(0)) answer();
  await pass(500);
  t.equal((await http.probe('/livez')).status, 200, 'the loop that goes on is alive');
  isWedged = false;
  const stopped = receiver.stop();
  await until(
    async () => {
      for (const answer of answers.splice(0)) answer();
      await pass(500);
      return receiver.pollers === 0;
    },
    { what: 'the poller ends' },
  );
  await stopped;
  loop.close();
});

t.test('a worker that cannot start yet is past its start-up, alive and not ready', async (t) => {
  await using testbed = await startTestbed();
  const queues = [testbed.queue(queue), testbed.queue('missing')];
  const worker = await testbed.startWorker({ queues }, 'relay');
  const http = await workerHttp(worker);
  await until(async () => (await http.probe('/startupz')).status === 200, { what: 'it is past its start' });
  const { parts } = await until(
    async () => {
      const { body } = await http.probe('/readyz');
      return body.parts?.[`queue ${queue}`]?.ok === true && body;
    },
    { what: 'the other queue is received from' },
  );
  t.match(parts?.['queue missing'], { ok: false, reason: /QueueNotExist/ });
  t.match(parts?.['worker'], { ok: false, reason: 'starting' });
  t.equal((await http.probe('/livez')).status, 200);
});

t.test('every role has the parts that it runs, and tells what it does', async (t) => {
  await using testbed = await startTestbed();
  const rows: [role: Role, parts: string[]][] = [
    ['both', ['worker', 'nats', `queue ${queue}`, 'follow-up']],
    ['relay', ['worker', 'nats', `queue ${queue}`]],
    ['follow-up', ['worker', 'nats', 'follow-up']],
  ];
  for (const [role, parts] of rows) {
    const worker = await testbed.startWorker({}, role);
    const http = await workerHttp(worker);
    await readyOf(http);
    const { body } = await http.probe('/readyz');
    t.same(Object.keys(body.parts ?? {}), parts, role);
    t.equal((await http.probe('/startupz')).status, 200);
    const { body: status } = await http.probe('/status');
    t.match(status, { role, phase: 'running', nats: { ok: true } });
    t.equal('followUp' in status, role !== 'relay');
    t.same(Object.keys(status['queues'] as object), role === 'follow-up' ? [] : [queue]);
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
  }
});

t.test('messages, calls and silence are counted', async (t) => {
  await using testbed = await startTestbed();
  const http = await workerHttp(await testbed.startWorker({}, 'relay'));
  await readyOf(http);
  const startedSeconds = sumOf(await http.scrape(), 'vod_relay_last_event_timestamp_seconds', { queue });
  t.ok(Math.abs(Date.now() / 1000 - startedSeconds) < 60, 'silence begins with the start');
  await testbed.control.feed(queue, [{ body: deletionBody() }, { body: deletionBody() }, { body: '{' }]);
  const samples = await until(
    async () => {
      const found = await http.scrape();
      return sumOf(found, 'vod_relay_messages_settled_total', { queue }) === 3 && found;
    },
    { what: 'all are settled' },
  );
  const figures: [name: string, labels: Record<string, string>, value: number][] = [
    ['vod_relay_messages_received_total', {}, 3],
    ['vod_relay_messages_settled_total', { outcome: 'published' }, 1],
    ['vod_relay_messages_settled_total', { outcome: 'duplicate' }, 1],
    ['vod_relay_messages_settled_total', { outcome: 'dead-lettered' }, 1],
    ['vod_relay_dead_letters_total', { code: 'not-json' }, 1],
    ['vod_relay_queue_up', {}, 1],
    ['vod_relay_enqueue_to_publish_seconds_count', {}, 3],
    ['vod_relay_settle_duration_seconds_count', {}, 3],
    ['vod_relay_mns_requests_total', { operation: 'GetQueueAttributes', result: 'ok' }, 1],
  ];
  for (const [name, labels, value] of figures)
    t.equal(sumOf(samples, name, { queue, ...labels }), value, name);
  t.equal(sumOf(samples, 'vod_relay_nats_up'), 1);
  t.equal(sumOf(samples, 'vod_relay_publish_duration_seconds_count'), 3);
  t.ok(sumOf(samples, 'vod_relay_last_event_timestamp_seconds', { queue }) > startedSeconds);
  await until(
    async () => {
      const found = await http.scrape();
      const polls = { queue, operation: 'BatchReceiveMessage', result: 'empty' };
      return sumOf(found, 'vod_relay_mns_requests_total', polls) > 0;
    },
    { what: 'an empty poll is counted' },
  );
  t.equal(
    sumOf(await http.scrape(), 'vod_relay_queue_lag_seconds', { queue }),
    0,
    'an empty queue has no lag',
  );
});

t.test('a port that is taken ends the start with the setting to change', async (t) => {
  await using testbed = await startTestbed();
  const first = await workerHttp(await testbed.startWorker({}, 'relay'));
  const port = Number(new URL(first.url).port);
  const second = await testbed.startWorker({ http: { host: '127.0.0.1', port } }, 'relay');
  t.equal((await second.exit).code, 1);
  t.match(second.stderr, new RegExp(`127.0.0.1:${port} \\(EADDRINUSE\\): set http.port`));
});

t.test('SIGUSR2 turns debug lines on, and off again', async (t) => {
  await using testbed = await startTestbed();
  const worker = await testbed.startWorker({}, 'relay');
  await readyOf(await workerHttp(worker));
  const settled = async (mediaId: string): Promise<void> => {
    await testbed.control.feed(queue, [{ body: deletionBody({ MediaId: mediaId }) }]);
    const isDeleted = async (): Promise<boolean> =>
      (await testbed.control.state()).queues[queue]?.undeleted === 0;
    await until(isDeleted, { what: 'the message is settled' });
  };
  await settled('quiet');
  worker.kill('SIGUSR2');
  await worker.waitForLog(({ logLevel }) => logLevel === 'debug');
  await settled('told');
  const line = await worker.waitForLog(({ message }) => message === 'message settled');
  t.match(line, { queue, messageId: String, eventId: String, attempt: 1, outcome: 'published' });
  worker.kill('SIGUSR2');
  await worker.waitForLog(({ logLevel }) => logLevel === 'info');
  await settled('quiet again');
  worker.kill();
  await worker.exit;
  t.equal(worker.logs.filter(({ message }) => message === 'message settled').length, 1);
});

async function readyOf(http: WorkerHttp): Promise<void> {
  await until(async () => (await http.probe('/readyz')).status === 200, { what: 'it is ready' });
}
