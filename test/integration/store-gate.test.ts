import { connect } from 'nats';
import t from 'tap';
import { adminAccess, fillStream, usersConfig, workerAuth, type FullStream } from '../support/full-stream.js';
import { storedDeadLetters, storedEvents, storedMessages } from '../support/stored-messages.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { startTestbed, type Role, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import type { LogLine } from '../support/worker-process.js';
import { sumOf, workerHttp } from '../support/worker-http.js';

const queue = 'vod-events';

/** Whatever the worker says when NATS does not store something. */
const isNotStored = ({ message }: LogLine): boolean =>
  /not stored|storage of events failed/.test(String(message));

t.test('what cannot be stored in one stream or under one subject holds up nothing else', async (t) => {
  const goods = 200;
  const deniedSubject = 'vod.event.DeleteMediaComplete.success.video.all.in-the-way';
  const event = deletionBody({ MediaId: 'in-the-way' });
  const rows: Row[] = [
    {
      name: 'a dead letter whose stream is full',
      full: { name: 'VOD_DEAD_LETTERS', subjects: ['vod.dead-letter.>'] },
      body: 'no event',
      told: { stream: 'VOD_DEAD_LETTERS', subject: /^vod\.dead-letter\./, reason: /maximum messages/ },
      kind: 'dead-letters',
    },
    {
      name: 'a dead letter that is denied',
      deny: ['vod.dead-letter.>'],
      body: 'no event',
      told: { stream: 'VOD_DEAD_LETTERS', subject: /^vod\.dead-letter\./, reason: /permission/ },
      kind: 'dead-letters',
    },
    {
      name: 'an event whose subject is denied',
      deny: [deniedSubject],
      body: event,
      told: { stream: 'VOD_EVENTS', subject: deniedSubject, reason: /permission/ },
      kind: 'events',
    },
    {
      name: 'an event whose subject is full',
      full: {
        name: 'VOD_EVENTS',
        subjects: ['vod.event.>'],
        max_msgs: -1,
        max_msgs_per_subject: 1,
        discard_new_per_subject: true,
      },
      filler: deniedSubject,
      body: event,
      told: { stream: 'VOD_EVENTS', subject: deniedSubject, reason: /per subject/ },
      kind: 'events',
    },
    {
      name: 'an outcome whose stream is full',
      full: { name: 'VOD_FOLLOW_UPS', subjects: ['vod.follow-up.>'] },
      role: 'both',
      body: event,
      told: { stream: 'VOD_FOLLOW_UPS', subject: /^vod\.follow-up\.skipped\./, reason: /maximum messages/ },
      kind: 'follow-ups',
    },
  ];
  for (const row of rows) {
    await t.test(row.name, async (t) => {
      await using testbed = await startTestbed({ nats: { config: usersConfig(row.deny) } });
      if (row.full) await fillStream(testbed, row.full, row.filler);
      const running = await testbed.startWorker({ nats: natsOf(testbed) }, row.role ?? 'relay');
      const [inTheWay = ''] = await testbed.control.feed(queue, [{ body: row.body }]);
      await running.waitForLog(isNotStored);

      const startedMs = performance.now();
      await feedEvents(testbed, goods);
      const isRelayed = row.kind === 'follow-ups' ? goods + 1 : goods;
      await until(async () => (await testbed.control.state()).queues[queue]?.deleted === isRelayed, {
        what: 'the others are relayed',
      });
      t.comment(`${goods} others after ${Math.round(performance.now() - startedMs)} ms`);

      const line = await running.waitForLog(({ reason, advice, message }) =>
        Boolean(reason && advice && /^message not stored/.test(String(message))),
      );
      t.match(line, { level: 'error', ...row.told }, 'it is told');
      const http = await workerHttp(running);
      const counted = async (): Promise<number> =>
        sumOf(await http.scrape(), 'vod_relay_not_stored_total', { kind: row.kind });
      await until(async () => (await counted()) > 1, { what: 'it is tried again, and counted each time' });
      t.equal((await http.probe('/readyz')).status, 200, 'the worker is ready');
      if (row.kind !== 'follow-ups') {
        const history = await testbed.control.history(queue);
        t.equal(history.find(({ id }) => id === inTheWay)?.end, null, 'it is kept in the queue');
      }
      if (row.full === undefined) return;
      await admit(testbed, row.full.name);
      const isMended = async (): Promise<boolean> => {
        if (row.kind === 'follow-ups') return (await messagesOf(testbed, row.full?.name)) === goods + 2;
        return (await testbed.control.state()).queues[queue]?.deleted === goods + 1;
      };
      await until(isMended, { what: 'it is stored once there is room', timeoutMs: 120_000 });
    });
  }
});

t.test('while the store is full nothing is received, whatever leases lapse', async (t) => {
  const messages = 3_000;
  await using testbed = await startTestbed({
    queues: [
      { name: queue, visibilityMs: 5_000, deadLetter: { queue: 'given-up', maxReceiveCount: 3 } },
      { name: 'given-up' },
    ],
    nats: { config: usersConfig() },
  });
  await fillStream(testbed, { name: 'VOD_EVENTS', subjects: ['vod.event.>'] });
  await feedEvents(testbed, messages);
  const queues = [testbed.queue(queue, { receive: { wait: '1s', maxLease: '10s' } })];
  const running = await testbed.startWorker({ queues, nats: natsOf(testbed) }, 'relay');
  await running.waitForLog(isNotStored);
  const startedMs = performance.now();
  await until(() => performance.now() - startedMs > 35_000, { what: 'leases have lapsed three times' });

  const history = await testbed.control.history(queue);
  const times = (least: number): number => history.filter(({ deliveries }) => deliveries >= least).length;
  t.comment(`received once or more ${times(1)}, twice or more ${times(2)}, three times or more ${times(3)}`);
  t.equal((await testbed.control.state()).queues[queue]?.deadLettered, 0, 'MNS gave up on none');
  t.ok(times(1) < 100, 'few were received');
  t.ok(times(2) < 32, 'fewer a second time');

  await admit(testbed, 'VOD_EVENTS');
  const isRelayed = async (): Promise<boolean> =>
    (await testbed.control.state()).queues[queue]?.deleted === messages;
  await until(isRelayed, { what: 'all are relayed once there is room', timeoutMs: 120_000 });
  const stored = await storedMessages(adminAccess(testbed), 'VOD_EVENTS');
  t.equal(stored.length, 1 + messages, 'each is stored once, beside the message that filled the stream');
  t.equal(new Set(stored.map(({ headers }) => headers['Nats-Msg-Id'])).size, 1 + messages);
});

t.test('a connection that comes and goes uses up no deliveries', async (t) => {
  const messages = 2_000;
  await using testbed = await startTestbed({
    queues: [
      { name: queue, visibilityMs: 30_000, deadLetter: { queue: 'given-up', maxReceiveCount: 3 } },
      { name: 'given-up' },
    ],
  });
  await using proxy = await startTcpProxy({ port: testbed.nats.port });
  await using mns = await startTcpProxy({ port: testbed.sandbox.port });
  mns.setLatencyMs(200);
  const endpoint = `http://127.0.0.1:${mns.port}`;
  const queues = [testbed.queue(queue, { endpoint, receive: { wait: '20s' } })];
  const nats = { servers: [`nats://127.0.0.1:${proxy.port}`] };
  const running = await testbed.startWorker({ queues, nats }, 'relay');
  await running.waitForLog(({ message }) => message === 'MNS receive started');
  const deleted = async (): Promise<number> => (await testbed.control.state()).queues[queue]?.deleted ?? 0;
  for (let cuts = 0; cuts < 10; cuts++) {
    await feedEvents(testbed, messages / 10, `cut-${cuts}`);
    const before = await deleted();
    await until(async () => (await deleted()) > before, { what: 'some are relayed', everyMs: 20 });
    proxy.resetConnections();
  }
  await until(async () => (await deleted()) === messages, { what: 'all are relayed', timeoutMs: 120_000 });
  const history = await testbed.control.history(queue);
  const again = history.filter(({ deliveries }) => deliveries > 1).length;
  t.comment(`received twice or more: ${again} of ${messages}`);
  t.ok(again < messages / 100, 'hardly any was received twice');
  t.equal((await storedEvents(testbed.nats.url)).length, messages);
});

t.test('a half starts though the account may not have what only the other needs', async (t) => {
  await t.test('the relay without the streams of follow-ups', async (t) => {
    const deny = ['VOD_PERMITS', 'VOD_FOLLOW_UPS'].flatMap((name) => [
      `$JS.API.*.*.${name}`,
      `$JS.API.*.*.${name}.>`,
    ]);
    await using testbed = await startTestbed({ nats: { config: usersConfig(deny) } });
    const running = await testbed.startWorker({ nats: natsOf(testbed) });
    await feedEvents(testbed, 20);
    await until(async () => (await storedEvents(adminAccess(testbed))).length === 20, {
      what: 'events are relayed',
    });
    t.match(await running.waitForLog(({ stream }) => stream === 'VOD_FOLLOW_UPS'), { level: 'error' });
  });

  await t.test('the relay without the stream of dead letters', async (t) => {
    const deny = ['$JS.API.*.*.VOD_DEAD_LETTERS', '$JS.API.*.*.VOD_DEAD_LETTERS.>'];
    await using testbed = await startTestbed({ nats: { config: usersConfig(deny) } });
    await testbed.startWorker({ nats: natsOf(testbed) });
    await feedEvents(testbed, 20);
    await until(async () => (await storedEvents(adminAccess(testbed))).length === 20, {
      what: 'events are relayed',
    });
    t.same(await storedDeadLetters(adminAccess(testbed)), []);
  });

  await t.test('the follow-up half without the stream of dead letters', async (t) => {
    const deny = ['$JS.API.*.*.VOD_DEAD_LETTERS', '$JS.API.*.*.VOD_DEAD_LETTERS.>'];
    await using testbed = await startTestbed({ nats: { config: usersConfig(deny) } });
    await testbed.startWorker({ nats: natsOf(testbed) });
    await feedEvents(testbed, 20);
    await until(async () => (await messagesOf(testbed, 'VOD_FOLLOW_UPS')) === 20, {
      what: 'outcomes are stored',
    });
    t.pass('each has an outcome');
  });
});

interface Row {
  name: string;
  /** A stream that is full before the worker starts. */
  full?: FullStream;
  filler?: string;
  deny?: string[];
  role?: Role;
  body: string;
  told: object;
  kind: string;
}

function natsOf({ nats }: Testbed): Record<string, unknown> {
  return { servers: [nats.url], auth: workerAuth };
}

async function feedEvents({ control }: Testbed, count: number, name = 'good'): Promise<void> {
  const bodies = Array.from({ length: count }, (_, n) => ({
    body: deletionBody({ MediaId: `${name}-${n}` }),
  }));
  await control.feed(queue, bodies);
}

async function admit(testbed: Testbed, name: string): Promise<void> {
  const connection = await connect(adminAccess(testbed));
  const manager = await connection.jetstreamManager();
  const { config } = await manager.streams.info(name);
  const isPerSubject = config.discard_new_per_subject;
  await manager.streams.update(name, {
    ...config,
    max_msgs: -1,
    ...(isPerSubject && { max_msgs_per_subject: 10 }),
  });
  await connection.close();
}

async function messagesOf(testbed: Testbed, stream = ''): Promise<number> {
  return (await storedMessages(adminAccess(testbed), stream)).length;
}
