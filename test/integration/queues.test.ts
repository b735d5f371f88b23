import t from 'tap';
import type { QueueState } from '../../src/sandbox/control/types.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { runTotals } from '../support/run-totals.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

t.test(
  'queues of two accounts are received side by side, each with its own credentials and source',
  async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'events' }] });
    const { sandbox, nats } = testbed;
    const other = await startSandbox({
      accountId: '2000000000000002',
      credentials: [{ accessKeyId: 'other', accessKeySecret: 'other-secret' }],
      queues: ['events'],
    });
    t.teardown(() => other.close());
    sandbox.actions.feed('events', [{ body: deletionBody() }]);
    other.actions.feed('events', [{ body: deletionBody() }]);
    const worker = await testbed.startWorker({
      queues: [
        testbed.queue('events'),
        testbed.queue('events', {
          endpoint: other.url,
          vod: { region: 'ap-southeast-1', account: other.accountId, endpoint: other.url },
          credentials: { type: 'access_key', accessKeyId: 'other', accessKeySecret: 'other-secret' },
        }),
      ],
    });
    await until(
      () => [sandbox, other].every(({ actions }) => actions.state().queues['events']?.deleted === 1),
      {
        what: 'both are relayed',
      },
    );
    const events = (await storedEvents(nats.url)).map(({ event }) => event);
    t.same(
      new Set(events.map(({ source }) => source)),
      new Set([`acs:vod:cn-shanghai:${sandbox.accountId}`, 'acs:vod:ap-southeast-1:2000000000000002']),
    );
    t.equal(new Set(events.map(({ id }) => id)).size, 2, 'the same body is another event in another account');
    worker.kill();
    await worker.exit;
  },
);

t.test('an event that reaches us through two queues of one account is in the stream once', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'one' }, { name: 'two' }] });
  for (const name of ['one', 'two']) await testbed.control.feed(name, [{ body: deletionBody() }]);
  const worker = await testbed.startWorker();
  await untilDeleted(testbed, 'one', 1);
  await untilDeleted(testbed, 'two', 1);
  t.equal((await storedEvents(testbed.nats.url)).length, 1);
  worker.kill();
  await worker.exit;
  const { one = {}, two = {} } = await runTotals(worker);
  t.same([one['published'] ?? 0, two['published'] ?? 0].sort(), [0, 1]);
  t.same([one['duplicate'] ?? 0, two['duplicate'] ?? 0].sort(), [0, 1]);
});

t.test('a queue of mode replay is left alone', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'live' }, { name: 'dead' }] });
  await testbed.control.feed('dead', [{ body: deletionBody({ MediaId: 'dead' }) }]);
  await testbed.control.feed('live', [{ body: deletionBody({ MediaId: 'live' }) }]);
  await testbed.startWorker({ queues: [testbed.queue('dead', { mode: 'replay' }), testbed.queue('live')] });
  await untilDeleted(testbed, 'live', 1);
  t.same(await requestsOf(testbed, 'dead'), {}, 'nothing was asked of it');
});

t.test('a queue that cannot be used holds no other queue up', async (t) => {
  await t.test('when it does not exist yet, and is received from once it does', async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'there' }] });
    await testbed.control.feed('there', [{ body: deletionBody({ MediaId: 'there' }) }]);
    const worker = await testbed.startWorker({ queues: [testbed.queue('later'), testbed.queue('there')] });
    const line = await worker.waitForLog(({ level }) => level === 'error');
    t.match(line, { queue: 'later', code: 'QueueNotExist', advice: /queue name/ });
    await untilDeleted(testbed, 'there', 1);
    await testbed.control.createQueue({ name: 'later' });
    await testbed.control.feed('later', [{ body: deletionBody({ MediaId: 'later' }) }]);
    await untilDeleted(testbed, 'later', 1);
    t.equal((await storedEvents(testbed.nats.url)).length, 2);
  });

  await t.test('when its credentials are wrong', async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'mine' }, { name: 'forbidden' }] });
    const credentials = { type: 'access_key', accessKeyId: 'nobody', accessKeySecret: 'nothing' };
    const worker = await testbed.startWorker({
      queues: [testbed.queue('forbidden', { credentials }), testbed.queue('mine')],
    });
    const line = await worker.waitForLog(({ level }) => level === 'error');
    t.match(line, { queue: 'forbidden', code: 'InvalidAccessKeyId', advice: /access key/ });
    await testbed.control.feed('mine', [{ body: deletionBody() }]);
    await untilDeleted(testbed, 'mine', 1);
    t.equal(worker.logs.filter(({ level }) => level === 'error').length, 1, 'and nothing else is wrong');
  });

  await t.test('when MNS fails all its polls', async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'well' }, { name: 'ill' }] });
    await testbed.control.setFaults([{ kind: 'html-502', queue: 'ill', operation: 'BatchReceive' }]);
    const worker = await testbed.startWorker();
    await worker.waitForLog(({ queue, level }) => queue === 'ill' && level === 'warn');
    await testbed.control.feed('ill', [{ body: deletionBody({ MediaId: 'ill' }) }]);
    await testbed.control.feed('well', [{ body: deletionBody({ MediaId: 'well' }) }]);
    await untilDeleted(testbed, 'well', 1);
    await testbed.control.clearFaults();
    await untilDeleted(testbed, 'ill', 1);
    await worker.waitForLog(({ message }) => message === 'MNS receive works again');
    t.equal((await storedEvents(testbed.nats.url)).length, 2);
  });
});

t.test('a token that MNS calls expired is asked for anew, and nothing is lost', async (t) => {
  const credential = { accessKeyId: 'sts', accessKeySecret: 'secret', securityToken: 'token' };
  await using testbed = await startTestbed({ queues: [{ name: 'events' }], credentials: [credential] });
  await testbed.control.setFaults([
    { kind: 'expired-token', operation: 'GetQueueAttributes', count: 1 },
    { kind: 'expired-token', operation: 'BatchReceive', count: 2 },
    { kind: 'expired-token', operation: 'BatchDelete', count: 1 },
  ]);
  await testbed.control.feed('events', [{ body: deletionBody() }]);
  await testbed.startWorker({ credentials: { type: 'sts', ...credential } });
  await untilDeleted(testbed, 'events', 1);
  const refused = Object.values((await testbed.control.state()).faults).map(({ struck }) => struck);
  t.same(refused, [1, 2, 1], 'each kind of call was refused');
  t.equal((await storedEvents(testbed.nats.url)).length, 1);
});

async function stateOf({ control }: Testbed, queue: string): Promise<QueueState> {
  const state = (await control.state()).queues[queue];
  if (!state) throw new Error(`there is no queue ${queue}`);
  return state;
}

async function requestsOf(testbed: Testbed, queue: string): Promise<QueueState['requests']> {
  return (await stateOf(testbed, queue)).requests;
}

async function untilDeleted(testbed: Testbed, queue: string, count: number): Promise<void> {
  const isDone = async (): Promise<boolean> => (await stateOf(testbed, queue)).deleted >= count;
  await until(isDone, { what: `${count} messages of ${queue} are deleted` });
}
