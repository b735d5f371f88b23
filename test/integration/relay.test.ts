import { connect } from 'nats';
import t from 'tap';
import type { QueueState } from '../../src/sandbox/control/types.js';
import { balanced, Ledger } from '../support/ledger.js';
import { outcomes, runTotals } from '../support/run-totals.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import { sumOf, workerHttp } from '../support/worker-http.js';
import type { WorkerProcess } from '../support/worker-process.js';

const name = 'vod-events';

t.test(
  'invariant 1: a message is acked only after the PubAck of its event, its foreign event or its dead letter',
  async (t) => {
    await using testbed = await startTestbed();
    await using proxy = await startTcpProxy(testbed.nats);
    const { control, nats } = testbed;
    const worker = await testbed.startWorker({ nats: { servers: [`nats://127.0.0.1:${proxy.port}`] } });
    await untilPolling(testbed);
    proxy.setBlackHole(true);
    const bodies = [deletionBody({ MediaId: 'one' }), foreignBody({ VideoId: 'two' }), 'no event'];
    await control.feed(
      name,
      bodies.map((body) => ({ body })),
    );
    await worker.waitForLog(({ message }) => String(message).startsWith('NATS storage of events failed'));
    const meanwhile = await stateOf(testbed);
    t.equal(meanwhile.undeleted, bodies.length, 'all are received');
    t.equal(meanwhile.requests['BatchDelete'], undefined, 'and no delete is even tried');

    proxy.setBlackHole(false);
    await untilDeleted(testbed, bodies.length);
    t.equal((await storedEvents(nats.url)).length, 2);
    t.equal((await storedDeadLetters(nats.url)).length, 1);
  },
);

t.test('invariant 2: a duplicate at publish is success, and the stream has the event once', async (t) => {
  await t.test('when one event comes under two MessageIds', async (t) => {
    await using testbed = await startTestbed();
    const bodies = [deletionBody(), ` ${deletionBody()}\n`, Buffer.from(deletionBody()).toString('base64')];
    const worker = await testbed.startWorker();
    await testbed.control.feed(
      name,
      bodies.map((body) => ({ body })),
    );
    await untilDeleted(testbed, 3);
    t.match(await totalsOf(worker), { received: 3, published: 1, duplicate: 2 });
    t.equal((await storedEvents(testbed.nats.url)).length, 1);
  });

  await t.test('when the worker dies between the PubAck and the ack', async (t) => {
    await using testbed = await startTestbed({ queues: [{ name, visibilityMs: 1_000 }] });
    await testbed.control.setFaults([{ kind: 'hang', operation: 'BatchDelete' }]);
    await testbed.control.feed(name, [{ body: deletionBody() }, { body: 'no event' }]);
    const first = await testbed.startWorker();
    await until(async () => (await storedEvents(testbed.nats.url)).length === 1, {
      what: 'the event is stored',
    });
    await until(async () => (await storedDeadLetters(testbed.nats.url)).length === 1, {
      what: 'so is the dead letter',
    });
    first.kill('SIGKILL');
    await first.exit;
    await testbed.control.clearFaults();
    const second = await testbed.startWorker();
    await untilDeleted(testbed, 2);
    t.match(await totalsOf(second), { duplicate: 1, 'dead-lettered': 1 });
    t.equal((await storedEvents(testbed.nats.url)).length, 1);
    t.equal((await storedDeadLetters(testbed.nats.url)).length, 1);
  });
});

t.test(
  'invariant 3: every received message ends in one outcome, and received is the sum of them',
  async (t) => {
    await using testbed = await startTestbed({ queues: [{ name, visibilityMs: 2_000 }], seed: 3 });
    const { control, nats } = testbed;
    await control.setFaults([
      { kind: 'partial-delete', probability: 0.1 },
      { kind: 'reset-after-effect', operation: 'BatchDelete', probability: 0.05 },
      { kind: 'reset', operation: 'BatchReceive', probability: 0.05 },
      { kind: '500', probability: 0.02 },
      { kind: 'duplicate-delivery', probability: 0.02 },
    ]);
    const ledger = new Ledger(control, name, 'sum');
    await ledger.feed(1_000);
    const worker = await testbed.startWorker();
    await ledger.untilQueueIsEmpty();
    const totals = await totalsOf(worker);
    t.ok(Number(totals['received']) >= 1_000);
    t.equal(outcomes(totals), totals['received']);
    t.same(await ledger.audit(nats.url), balanced);
    t.equal(worker.stderr, '', 'the log is all that it writes');
  },
);

t.test('invariant 4: an event that NATS refuses for good becomes a dead letter', async (t) => {
  await using testbed = await startTestbed();
  await addStream(testbed, 'VOD_EVENTS', 'vod.event.>', 1_000);
  await addStream(testbed, 'VOD_DEAD_LETTERS', 'vod.dead-letter.>', -1);
  const body = deletionBody({ MediaId: 'x'.repeat(2_000) });
  const [id = ''] = await testbed.control.feed(name, [{ body }, { body: deletionBody() }]);
  const worker = await testbed.startWorker({ nats: { servers: [testbed.nats.url], manageStreams: false } });
  await untilDeleted(testbed, 2);
  t.match(await totalsOf(worker), { published: 1, 'dead-lettered': 1 });
  const [letter] = await storedDeadLetters(testbed.nats.url);
  t.equal(letter?.text, body);
  t.match(letter?.headers, { 'Dead-Letter-Code': 'publish-rejected', 'Dead-Letter-Message-Id': id });
});

t.test('invariant 4: a message whose dead letter cannot be stored either is redelivered', async (t) => {
  await using testbed = await startTestbed();
  await addStream(testbed, 'VOD_EVENTS', 'vod.event.>', -1);
  await addStream(testbed, 'VOD_DEAD_LETTERS', 'vod.dead-letter.>', 1_000);
  await testbed.control.feed(name, [{ body: 'x'.repeat(2_000) }, { body: deletionBody() }]);
  const worker = await testbed.startWorker({ nats: { servers: [testbed.nats.url], manageStreams: false } });
  await until(
    async () => (await testbed.control.remaining(name)).some(({ dequeueCount }) => dequeueCount === 2),
    {
      what: 'it is delivered again',
    },
  );
  await untilDeleted(testbed, 1);
  const scrape = await (await workerHttp(worker)).scrape();
  t.ok(sumOf(scrape, 'vod_relay_not_stored_total', { kind: 'dead-letters' }) >= 1, 'it is counted');
  const totals = await totalsOf(worker);
  t.match(totals, { published: 1 });
  t.ok(Number(totals['released']) >= 1);
  t.equal((await testbed.control.remaining(name)).length, 1, 'it is still in the queue');
});

t.test('a dead letter says where it came from and what is wrong', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'my-queue' }] });
  const enqueueTimeMs = Date.now() - 60_000;
  const bodyBase64 = Buffer.from(deletionBody({ MediaType: 7 })).toString('base64');
  const [id = ''] = await testbed.control.feed('my-queue', [{ bodyBase64, enqueueTimeMs }]);
  await testbed.startWorker();
  const letter = await until(async () => (await storedDeadLetters(testbed.nats.url))[0], {
    what: 'it is stored',
  });
  t.equal(letter.subject, 'vod.dead-letter.my-queue.field-invalid');
  t.equal(Buffer.from(letter.data).toString('base64'), bodyBase64);
  t.match(letter.headers, {
    'Dead-Letter-Queue': 'my-queue',
    'Dead-Letter-Message-Id': id,
    'Dead-Letter-Attempt': '1',
    'Dead-Letter-Enqueue-Time': new Date(enqueueTimeMs).toISOString(),
    'Dead-Letter-Code': 'field-invalid',
    'Dead-Letter-At': 'MediaType',
  });
});

t.test('events of other types are', async (t) => {
  const body = foreignBody({ VideoId: 'v', Size: 12345678901234567890n.toString(), Exact: 1.5 });
  const feedAndStop = async (
    testbed: Testbed,
    foreignEvents?: string,
  ): Promise<Readonly<Record<string, number>>> => {
    await testbed.control.feed(name, [{ body }, { body: deletionBody() }]);
    const worker = await testbed.startWorker(foreignEvents === undefined ? {} : { foreignEvents });
    await untilDeleted(testbed, 2);
    return await totalsOf(worker);
  };

  await t.test('forwarded as they are by default', async (t) => {
    await using testbed = await startTestbed();
    t.match(await feedAndStop(testbed), { published: 1, forwarded: 1 });
    const stored = (await storedEvents(testbed.nats.url)).find(
      ({ event }) => event.type !== 'com.aliyun.vod.DeleteMediaComplete',
    );
    t.equal(stored?.subject, 'vod.event.TranscodeComplete.v');
    t.equal(stored?.event.type, 'com.aliyun.vod.TranscodeComplete');
    t.ok(stored?.text.endsWith(`"data":${body}}`), 'byte for byte');
  });

  await t.test('kept as dead letters when the configuration says so', async (t) => {
    await using testbed = await startTestbed();
    t.match(await feedAndStop(testbed, 'dead-letter'), { published: 1, 'dead-lettered': 1 });
    const [letter] = await storedDeadLetters(testbed.nats.url);
    t.equal(letter?.subject, `vod.dead-letter.${name}.foreign-refused`);
    t.equal(letter?.text, body);
  });

  await t.test('dropped when the configuration says so', async (t) => {
    await using testbed = await startTestbed();
    t.match(await feedAndStop(testbed, 'discard'), { published: 1, discarded: 1 });
    t.equal((await storedEvents(testbed.nats.url)).length, 1);
    t.equal((await storedDeadLetters(testbed.nats.url)).length, 0);
  });
});

async function stateOf({ control }: Testbed): Promise<QueueState> {
  const state = (await control.state()).queues[name];
  if (!state) throw new Error(`there is no queue ${name}`);
  return state;
}

async function untilPolling(testbed: Testbed): Promise<void> {
  await until(async () => (await stateOf(testbed)).openPolls > 0, { what: 'the worker polls' });
}

async function untilDeleted(testbed: Testbed, count: number): Promise<void> {
  await until(async () => (await stateOf(testbed)).deleted >= count, {
    what: `${count} messages are deleted`,
  });
}

/** Stops a worker, and gives what it says of the queue. */
async function totalsOf(worker: WorkerProcess): Promise<Readonly<Record<string, number>>> {
  worker.kill();
  await worker.exit;
  return (await runTotals(worker))[name] ?? {};
}

async function addStream(
  { nats }: Testbed,
  stream: string,
  subject: string,
  maxBytes: number,
): Promise<void> {
  const connection = await connect({ servers: nats.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: stream, subjects: [subject], max_msg_size: maxBytes });
  await connection.close();
}
