import { createRequire } from 'node:module';
import t, { type Test } from 'tap';
import { startSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.js';
import { until } from '../support/until.js';

interface SdkAnswer<Body> {
  code: number;
  headers: Record<string, string | undefined>;
  body: Body;
}

type Fields = Record<string, string>;

/** The queue operations of the client, as its source has them: the package ships no types. */
interface SdkClient {
  createQueue(name: string, attributes?: object): Promise<SdkAnswer<undefined>>;
  deleteQueue(name: string): Promise<SdkAnswer<undefined>>;
  listQueue(start?: string, limit?: number, prefix?: string): Promise<SdkAnswer<Fields[]>>;
  getQueueAttributes(name: string): Promise<SdkAnswer<Fields>>;
  setQueueAttributes(name: string, attributes?: object): Promise<SdkAnswer<undefined>>;
  sendMessage(name: string, message: object): Promise<SdkAnswer<Fields>>;
  batchSendMessage(name: string, messages: object[]): Promise<SdkAnswer<Fields[]>>;
  receiveMessage(name: string, waitSeconds?: number): Promise<SdkAnswer<Fields>>;
  batchReceiveMessage(name: string, count: number, waitSeconds?: number): Promise<SdkAnswer<Fields[]>>;
  peekMessage(name: string): Promise<SdkAnswer<Fields>>;
  batchPeekMessage(name: string, count: number): Promise<SdkAnswer<Fields[]>>;
  deleteMessage(name: string, handle: string): Promise<SdkAnswer<undefined>>;
  batchDeleteMessage(name: string, handles: string[]): Promise<SdkAnswer<Fields[] | undefined>>;
  changeMessageVisibility(name: string, handle: string, seconds: number): Promise<SdkAnswer<Fields>>;
}

const Client = createRequire(import.meta.url)('@alicloud/mns') as new (
  accountId: string,
  options: object,
) => SdkClient;

/** A sandbox with one queue, and the unmodified @alicloud/mns client for it. */
async function open(test: Test, options: SandboxOptions = {}) {
  const sandbox = await startSandbox({ queues: ['orders'], ...options });
  test.teardown(sandbox.close);
  const { accountId, accessKeyId, accessKeySecret, url: endpoint } = sandbox;
  const [credential] = options.credentials ?? [];
  const { securityToken } = credential ?? {};
  const client = new Client(accountId, { accessKeyId, accessKeySecret, endpoint, securityToken });
  return { sandbox, client };
}

t.test('@alicloud/mns manages queues', async (t) => {
  const { client, sandbox } = await open(t);
  const created = await client.createQueue('new', { VisibilityTimeout: 60 });
  t.equal(created.code, 201);
  t.equal(created.headers['location'], `${sandbox.url}/queues/new`);
  t.equal((await client.createQueue('new', { VisibilityTimeout: 60 })).code, 204);
  await t.rejects(client.createQueue('new', { VisibilityTimeout: 61 }), {
    name: 'MNSQueueAlreadyExistError',
  });
  t.equal((await client.setQueueAttributes('new', { PollingWaitSeconds: 1 })).code, 204);
  t.match((await client.getQueueAttributes('new')).body, {
    QueueName: 'new',
    VisibilityTimeout: '60',
    PollingWaitSeconds: '1',
    ActiveMessages: '0',
    CreateTime: /^\d{10}$/,
  });
  t.same(
    (await client.listQueue()).body.map(({ QueueURL }) => QueueURL),
    [`${sandbox.url}/queues/new`, `${sandbox.url}/queues/orders`],
  );
  t.equal((await client.listQueue('', 1, 'ord')).body.length, 1);
  t.equal((await client.deleteQueue('new')).code, 204);
  await t.rejects(client.getQueueAttributes('new'), {
    name: 'MNSQueueNotExistError',
    message: /requestid: [0-9A-F]{24}/,
  });
});

t.test('@alicloud/mns sends, peeks, receives, renews and deletes single messages', async (t) => {
  const { client } = await open(t);
  const sent = await client.sendMessage('orders', { MessageBody: '{"a":1}', Priority: 3 });
  t.equal(sent.code, 201);
  t.match((await client.peekMessage('orders')).body, {
    MessageBody: '{"a":1}',
    Priority: '3',
    DequeueCount: '0',
  });
  const { code, body } = await client.receiveMessage('orders', 1);
  t.equal(code, 200);
  t.match(body, {
    MessageId: sent.body['MessageId'],
    MessageBodyMD5: sent.body['MessageBodyMD5'],
    MessageBody: '{"a":1}',
    DequeueCount: '1',
    EnqueueTime: /^\d{13}$/,
    NextVisibleTime: /^\d{13}$/,
  });
  const changed = await client.changeMessageVisibility('orders', body['ReceiptHandle'] ?? '', 60);
  t.equal(changed.code, 200);
  t.not(changed.body['ReceiptHandle'], body['ReceiptHandle']);
  await t.rejects(client.deleteMessage('orders', body['ReceiptHandle'] ?? ''), {
    name: 'MNSMessageNotExistError',
  });
  await t.rejects(client.deleteMessage('orders', 'nonsense'), { name: 'MNSReceiptHandleErrorError' });
  t.equal((await client.deleteMessage('orders', changed.body['ReceiptHandle'] ?? '')).code, 204);
  await t.rejects(client.receiveMessage('orders'), { name: 'MNSMessageNotExistError' });
  const delayed = await client.sendMessage('orders', { MessageBody: 'later', DelaySeconds: 100 });
  t.equal((await client.deleteMessage('orders', delayed.body['ReceiptHandle'] ?? '')).code, 204);
});

t.test('@alicloud/mns works in batches', async (t) => {
  const { client } = await open(t);
  const bodies = Array.from({ length: 16 }, (_, index) => `body ${index}`);
  const sent = await client.batchSendMessage(
    'orders',
    bodies.map((MessageBody) => ({ MessageBody })),
  );
  t.equal(sent.code, 201);
  t.equal(new Set(sent.body.map(({ MessageId }) => MessageId)).size, 16);
  t.equal((await client.batchPeekMessage('orders', 16)).body.length, 16);
  const received = await client.batchReceiveMessage('orders', 16, 1);
  t.same(
    received.body.map(({ MessageBody }) => MessageBody),
    bodies,
  );
  const handles = received.body.map(({ ReceiptHandle }) => ReceiptHandle ?? '');
  t.equal((await client.batchDeleteMessage('orders', handles.slice(0, 15))).code, 204);
  const partly = await client.batchDeleteMessage('orders', handles.slice(14));
  t.equal(partly.code, 404);
  t.match(partly.body, [
    { ErrorCode: 'MessageNotExist', ErrorMessage: 'Message not exist.', ReceiptHandle: handles[14] },
  ]);
  await t.rejects(client.batchReceiveMessage('orders', 16), { name: 'MNSMessageNotExistError' });
});

t.test('@alicloud/mns is woken out of a long poll', async (t) => {
  const { client, sandbox } = await open(t);
  const poll = client.batchReceiveMessage('orders', 16, 20);
  await until(() => sandbox.actions.state().queues['orders']?.openPolls, {
    what: 'the poll is open',
    everyMs: 1,
  });
  sandbox.actions.feed('orders', [{ body: 'wake up' }]);
  t.match((await poll).body, [{ MessageBody: 'wake up' }]);
});

t.test('@alicloud/mns passes with a security token, and not with a wrong secret', async (t) => {
  const credential = { accessKeyId: 'STS.key', accessKeySecret: 'secret', securityToken: 'token' };
  const { client, sandbox } = await open(t, { credentials: [credential] });
  t.equal((await client.getQueueAttributes('orders')).code, 200);
  sandbox.actions.setCredentials([{ ...credential, expiresMs: 0 }]);
  await t.rejects(client.getQueueAttributes('orders'), { name: 'MNSSecurityTokenExpiredError' });
  sandbox.actions.setCredentials([{ ...credential, accessKeySecret: 'other' }]);
  await t.rejects(client.getQueueAttributes('orders'), { name: 'MNSSignatureDoesNotMatchError' });
});
