import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import t from 'tap';
import { providersOf } from '../../../src/aliyun/credentials.js';
import { MnsClient } from '../../../src/receive/mns-client.js';
import { MnsError } from '../../../src/receive/mns-error.js';
import { Queue, type Delivery } from '../../../src/receive/queue.js';
import type { FeedMessage } from '../../../src/sandbox/control/types.js';
import { systemClock } from '../../../src/time.js';
import { never, openQueue, type OpenQueue } from '../../contract/mns-sandbox.js';
import { until } from '../../support/until.js';

const bodies = (...texts: string[]): FeedMessage[] => texts.map((body) => ({ body }));

/** All messages of the queue, in order of arrival. */
async function receiveAll({ queue }: OpenQueue): Promise<Delivery[]> {
  return await queue.receive(16, 0, never);
}

async function errorOf(call: Promise<unknown>): Promise<MnsError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MnsError)) throw new Error('not an MnsError', { cause: error });
  return error;
}

t.test('bodies of every kind come out of the queue as they went in', async (t) => {
  const open = await openQueue(t);
  const texts = [
    '',
    '{"EventType":"DeleteMediaComplete"}',
    'a\r\nb\rc\n',
    '<a>&amp;</a>]]>',
    '🎬 媒体 é\u0085\u2028',
    '{"__proto__":{"polluted":true}}',
    'x'.repeat(65_536),
    '\t leading and trailing \n',
    '\ufffd\ufeff',
  ];
  open.sandbox.actions.feed('orders', bodies(...texts));
  const deliveries = await receiveAll(open);
  t.same(
    deliveries.map(({ message }) => [message.body, message.damaged, message.bodyBytes]),
    texts.map((text) => [text, false, undefined]),
  );
});

t.test('times and counts out of bounds are not used, and are told by their names', async (t) => {
  const { sandbox, client } = await openQueue(t);
  const fields = {
    EnqueueTime: '99999999999999999',
    NextVisibleTime: '9999999999999999',
    FirstDequeueTime: '-1',
    DequeueCount: '2000000',
  };
  const xml = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
  const message = `<Message><MessageId>m</MessageId><ReceiptHandle>h</ReceiptHandle><MessageBody>x</MessageBody>${xml.join('')}</Message>`;
  sandbox.actions.setFaults([
    {
      kind: 'respond',
      operation: 'BatchReceive',
      status: 200,
      headers: { Date: new Date().toUTCString() },
      body: `<?xml version="1.0"?><Messages xmlns="http://mns.aliyuncs.com/doc/v1">${message}</Messages>`,
    },
  ]);
  const told: [field: string, messageId: string][] = [];
  const queue = new Queue('orders', client, 'orders', (...what) => told.push(what));
  const beforeMs = Date.now();
  const [delivery] = await queue.receive(16, 0, never);
  t.same(told.map(([field]) => field).sort(), Object.keys(fields).sort());
  t.same([...new Set(told.map(([, messageId]) => messageId))], ['m']);
  t.equal(delivery?.message.attempt, 1);
  const enqueuedAtMs = delivery?.message.enqueuedAtMs ?? 0;
  t.ok(Math.abs(enqueuedAtMs - beforeMs) < 60_000, 'the time of the answer stands in');
});

t.test('one message that XML cannot carry does not cost the other fifteen', async (t) => {
  const open = await openQueue(t);
  const texts = Array.from({ length: 16 }, (_, n) => (n === 7 ? 'a\u0001&b' : `{"n":${n},"t":"é"}`));
  open.sandbox.actions.feed('orders', bodies(...texts));
  const deliveries = await receiveAll(open);
  t.equal(deliveries.length, 16);
  const [damaged] = deliveries.splice(7, 1);
  texts.splice(7, 1);
  t.match(damaged?.message, { damaged: true, body: 'a&#1;&amp;b' }, 'its XML text as received');
  t.same(
    deliveries.map(({ message }) => [message.body, message.damaged]),
    texts.map((text) => [text, false]),
  );
  t.equal((await open.queue.delete(deliveries.map(({ receiptHandle }) => receiptHandle))).size, 0);
});

t.test('one message that is not UTF-8 keeps its bytes, and the other fifteen their text', async (t) => {
  const open = await openQueue(t);
  const invalid = Buffer.concat([Buffer.from('{"a":"é\r\n&<'), Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80])]);
  const texts = Array.from({ length: 15 }, (_, n) => `{"n":${n},"t":"é 媒 & 🎬\r\n"}`);
  open.sandbox.actions.feed('orders', [
    ...bodies(...texts.slice(0, 7)),
    { bodyBase64: invalid.toString('base64') },
    ...bodies(...texts.slice(7)),
  ]);
  const deliveries = await receiveAll(open);
  const [broken] = deliveries.splice(7, 1);
  t.same(broken?.message.bodyBytes, invalid);
  t.equal(broken?.message.damaged, false);
  t.same(
    deliveries.map(({ message }) => [message.body, message.bodyBytes]),
    texts.map((text) => [text, undefined]),
  );
});

t.test('a delivery tells what the queue knows about the message', async (t) => {
  const open = await openQueue(t, { sandbox: { queues: [{ name: 'orders', visibilityMs: 45_000 }] } });
  const enqueueTimeMs = Date.now() - 5_000;
  const userProperties = [{ name: '__proto__', value: 'p' }];
  const systemProperties = [{ name: 'traceparent', value: '00-1-2-01' }];
  const [id] = open.sandbox.actions.feed('orders', [
    { body: 'a', enqueueTimeMs, userProperties, systemProperties },
  ]);
  const [first] = await receiveAll(open);
  t.match(first, {
    message: { messageId: id, attempt: 1, enqueuedAtMs: enqueueTimeMs },
    visibilityMs: 45_000,
  });
  t.equal(first?.message.properties['traceparent'], '00-1-2-01');
  t.same(Object.keys(first?.message.properties ?? {}).sort(), ['__proto__', 'traceparent']);
  await open.queue.changeVisibility(first?.receiptHandle ?? '', 1);
  const [second] = await open.queue.receive(1, 5, never);
  t.match(second, { message: { messageId: id, attempt: 2 } });
  t.equal(second?.visibilityMs, 45_000, 'a later delivery does not show it, and the one before counts');
});

t.test('handles with characters that mean something in a URL and in XML do their work', async (t) => {
  const open = await openQueue(t, { sandbox: { urlSafeHandles: false, queues: ['orders', 'a'] } });
  open.sandbox.actions.feed('orders', bodies('1', '2', '3'));
  const [one = '', two = '', three = ''] = (await receiveAll(open)).map(({ receiptHandle }) => receiptHandle);
  for (const handle of [one, two, three]) t.match(handle, /\+.*\/.*=$/);
  await open.client.deleteMessage('orders', one);
  const renewed = await open.queue.changeVisibility(two, 30);
  t.match(renewed, /\+.*\/.*=$/);
  t.not(renewed, two);
  t.same(await open.queue.delete([renewed, three]), new Map());
  t.equal(open.state().deleted, 3);
  const strange = `ab&c#d+e<f>"g'h=é%2B?`;
  t.same(
    await open.queue.delete([strange]),
    new Map([[strange, 'handle-gone']]),
    'and the answer names it unchanged',
  );
  for (const call of [
    open.client.deleteMessage('orders', strange),
    open.queue.changeVisibility(strange, 30),
  ]) {
    t.match(await errorOf(call), { code: 'ReceiptHandleError', status: 400 });
  }
});

t.test('an abort ends a poll at once, with the reason of its signal', async (t) => {
  const { queue, state } = await openQueue(t);
  const leaving = new AbortController();
  const reason = new Error('leaving');
  const left = t.rejects(queue.receive(16, 30, leaving.signal), reason);
  await until(() => state().openPolls === 1, { what: 'the poll waits at the server', everyMs: 1 });
  leaving.abort(reason);
  await left;
  await until(() => state().openPolls === 0, { what: 'the server sees the close', everyMs: 1 });
  t.equal(state().requests['BatchReceive']?.['disconnected'], 1);
  t.equal(getEventListeners(leaving.signal, 'abort').length, 0, 'no listener is left');
  await t.rejects(queue.receive(16, 0, leaving.signal), reason, 'nor does one begin');
});

t.test('an abort also ends a call that waits for credentials, or for the rest of a body', async (t) => {
  let answer = (_key: { accessKeyId: string; accessKeySecret: string }): void => undefined;
  const waiting = await openQueue(t, {
    provider: () => ({ getCredential: () => new Promise((resolve) => (answer = resolve)) }),
  });
  const early = new AbortController();
  const left = t.rejects(waiting.queue.receive(16, 30, early.signal), { message: 'leaving' });
  early.abort(new Error('leaving'));
  await left;
  answer({ accessKeyId: 'id', accessKeySecret: 'secret' });

  const stalled = await openQueue(t);
  stalled.sandbox.actions.setFaults([{ kind: 'respond', status: 200, body: '<Messages>', ending: 'stall' }]);
  const late = new AbortController();
  const cut = t.rejects(stalled.queue.receive(16, 30, late.signal), { message: 'leaving' });
  await until(() => stalled.state().requests['BatchReceive']?.['200'], {
    what: 'the answer began',
    everyMs: 1,
  });
  late.abort(new Error('leaving'));
  await cut;
});

t.test('a thousand polls on one signal leave no listener on it', async (t) => {
  const { queue } = await openQueue(t);
  const signal = new AbortController().signal;
  for (let n = 0; n < 1_000; n++) await queue.receive(16, 0, signal);
  const count = () => getEventListeners(signal, 'abort').length;
  await until(() => count() === 0, { what: 'the listener of the last poll is gone', everyMs: 1 });
  t.equal(count(), 0);
});

t.test('the deadline for an answer begins where the wait of a poll ends', async (t) => {
  const { queue, state } = await openQueue(t, { client: { answerWithinMs: 700 } });
  t.same(await queue.receive(16, 2, never), [], 'a poll of two seconds outlives a deadline of 0.7');
  t.equal(state().requests['BatchReceive']?.['404'], 1);
});

t.test('a body that drips has one deadline as a whole', async (t) => {
  const open = await openQueue(t, { client: { bodyWithinMs: 300 } });
  open.sandbox.actions.feed('orders', bodies('a'.repeat(2_000)));
  open.sandbox.actions.setFaults([{ kind: 'slow-body', chunkBytes: 1, delayMs: 5 }]);
  t.match(await errorOf(receiveAll(open)), { code: 'TimedOut', operation: 'BatchReceiveMessage' });
});

t.test('deletes with a body keep their connection', async (t) => {
  const open = await openQueue(t);
  open.sandbox.actions.feed('orders', bodies(...Array.from({ length: 100 }, String)));
  let connections = 0;
  const count = (): void => {
    connections++;
  };
  subscribe('net.server.socket', count);
  t.teardown(() => unsubscribe('net.server.socket', count));
  for (let n = 0; n < 100; n++) {
    const [delivery] = await open.queue.receive(1, 0, never);
    t.same(await open.queue.delete([delivery?.receiptHandle ?? '']), new Map());
  }
  t.equal(open.state().deleted, 100);
  t.ok(connections >= 1 && connections <= 2, `${connections} connections`);
});

t.test('as many polls as a queue may have leave room for deletes', async (t) => {
  const open = await openQueue(t, { sandbox: { queues: ['orders', 'idle'] } });
  open.sandbox.actions.feed('orders', bodies('a'));
  const [delivery] = await receiveAll(open);
  const leaving = new AbortController();
  const polls = Array.from({ length: 64 }, () =>
    open.client.batchReceiveMessage('idle', 16, 30, leaving.signal).catch(() => undefined),
  );
  const idle = () => open.sandbox.actions.state().queues['idle']?.openPolls;
  await until(() => idle() === 64, { what: 'all polls wait at the server', everyMs: 5 });
  t.same(await open.queue.delete([delivery?.receiptHandle ?? '']), new Map());
  t.equal(idle(), 64, 'while they still wait');
  leaving.abort();
  await Promise.all(polls);
});

t.test('an STS token goes along, and one that expired is replaced for the next call', async (t) => {
  const sts = (n: number) => ({
    accessKeyId: `sts-${n}`,
    accessKeySecret: 'secret',
    securityToken: `token-${n}`,
  });
  let made = 0;
  const open = await openQueue(t, {
    sandbox: { credentials: [sts(1), sts(2)] },
    provider: () => providersOf({ type: 'sts', ...sts(++made) })(),
  });
  t.same(await receiveAll(open), []);
  open.sandbox.actions.setFaults([{ kind: 'expired-token', count: 1 }]);
  const error = await errorOf(open.queue.delete(['handle']));
  t.match(error, {
    code: 'SecurityTokenExpired',
    status: 403,
    isCredentialFault: true,
    isRefusedForNow: true,
  });
  t.same(await receiveAll(open), []);
  t.equal(made, 2, 'a new provider gave the new set');
  open.sandbox.actions.setCredentials([sts(3)]);
  t.match(await errorOf(receiveAll(open)), { code: 'InvalidAccessKeyId' });
  t.same(await receiveAll(open), [], 'so is one that MNS does not know');
  t.equal(made, 3);
});

t.test('a wrong token, a wrong secret and a wrong clock are told apart', async (t) => {
  const key = { accessKeyId: 'id', accessKeySecret: 'right' };
  const wrongToken = await openQueue(t, {
    sandbox: { credentials: [{ ...key, securityToken: 'right' }] },
    provider: () => providersOf({ type: 'sts', ...key, securityToken: 'wrong' })(),
  });
  t.match(await errorOf(receiveAll(wrongToken)), { code: 'InvalidSecurityToken', isCredentialFault: true });
  const wrongSecret = await openQueue(t, {
    sandbox: { credentials: [key] },
    provider: () => providersOf({ type: 'access_key', accessKeyId: 'id', accessKeySecret: 'wrong' })(),
  });
  const refused = await errorOf(receiveAll(wrongSecret));
  t.match(refused, { code: 'SignatureDoesNotMatch', isCredentialFault: true, advice: /secret/ });
  let made = 0;
  const wrongClock = await openQueue(t, {
    provider: () => {
      made++;
      return providersOf({
        type: 'access_key',
        accessKeyId: 'sandbox',
        accessKeySecret: 'sandbox-secret',
      })();
    },
  });
  wrongClock.sandbox.actions.setFaults([{ kind: 'clock-skew', offsetMs: 3_600_000 }]);
  const skewed = await errorOf(receiveAll(wrongClock));
  t.match(skewed, { code: 'TimeExpired', status: 408, isCredentialFault: false, advice: /clock/ });
  await errorOf(receiveAll(wrongClock));
  t.equal(made, 1, 'fresh credentials would not mend the clock');
});

t.test('no error tells a secret or a handle', async (t) => {
  const secrets = ['SECRET-KEY', 'SECRET-TOKEN', 'SECRET-HANDLE'];
  const key = { accessKeyId: 'id', accessKeySecret: 'SECRET-KEY', securityToken: 'SECRET-TOKEN' };
  const leaks = [
    'get sts token failed: {"Credentials":{"AccessKeySecret":"SECRET-KEY","SecurityToken":"SECRET-TOKEN"',
    "unmarshal fail: { AccessKeySecret: 'SECRET-KEY', SecurityToken: 'SECRET-TOKEN' }",
    'connect ECONNREFUSED GET https://sts/?Signature=SECRET-KEY&SecurityToken=SECRET-TOKEN failed',
    'form OIDCToken=SECRET-TOKEN&AccessKeySecret=SECRET-KEY',
    `${'token'.repeat(400_000)}=SECRET-TOKEN`,
  ];
  const told: MnsError[] = [];
  for (const leak of leaks) {
    const open = await openQueue(t, {
      provider: () => ({ getCredential: () => Promise.reject(new Error(leak)) }),
    });
    const error = await errorOf(open.queue.delete(['SECRET-HANDLE']));
    t.equal(error.code, 'NoCredentials');
    told.push(error);
  }
  const open = await openQueue(t, { provider: () => providersOf({ type: 'sts', ...key })() });
  const faults = [
    [],
    [{ kind: 'reset' }],
    [{ kind: 'html-502' }],
    [{ kind: '500' }],
    [{ kind: 'empty-503' }],
  ] as const;
  for (const rules of faults) {
    open.sandbox.actions.setFaults(rules);
    told.push(await errorOf(receiveAll(open)));
    told.push(await errorOf(open.queue.delete(['SECRET-HANDLE'])));
    told.push(await errorOf(open.queue.changeVisibility('SECRET-HANDLE', 30)));
    told.push(await errorOf(open.client.deleteMessage('orders', 'SECRET-HANDLE')));
    told.push(await errorOf(open.client.receiveMessage('orders', 0)));
    told.push(await errorOf(open.queue.attributes(never)));
  }
  for (const { message, advice, stack } of told) {
    for (const secret of secrets) t.notMatch(`${message} ${advice} ${stack ?? ''}`, secret, message);
  }
});

t.test('an error message of any length stays short', async (t) => {
  const open = await openQueue(t);
  const body = `<Error><Code>Busy</Code><Message>${'x'.repeat(100_000)}</Message></Error>`;
  open.sandbox.actions.setFaults([{ kind: 'respond', status: 503, body }]);
  const { message } = await errorOf(receiveAll(open));
  t.ok(message.length < 1_000, `${message.length} characters`);
});

t.test('an endpoint that nobody listens at is a failed connection, with words', async (t) => {
  const { credentials } = await openQueue(t);
  for (const endpoint of ['http://127.0.0.1:1', 'http://localhost:1', 'https://127.0.0.1:1']) {
    const client = new MnsClient({ endpoint, account: '1', credentials, clock: systemClock });
    t.teardown(() => client.close());
    t.match(await errorOf(client.receiveMessage('orders', 0)), {
      code: 'ConnectionFailed',
      status: undefined,
      message: /ConnectionFailed: .*ECONNREFUSED/,
      advice: /endpoint/,
    });
  }
});

t.test('the attributes of a queue are read, and only whole ones', async (t) => {
  const open = await openQueue(t, {
    sandbox: { queues: [{ name: 'orders', visibilityMs: 45_000, retentionMs: 3_600_000, delayMs: 2_000 }] },
  });
  const { serverTimeMs = 0, ...attributes } = await open.queue.attributes(never);
  const documented = {
    visibilityMs: 45_000,
    retentionMs: 3_600_000,
    delayMs: 2_000,
    maximumMessageBytes: 65_536,
    type: 'normal',
    deadLetter: undefined,
  };
  t.same(attributes, documented);
  t.ok(serverTimeMs > 0 && serverTimeMs % 1000 === 0, 'the clock of MNS comes with it');

  open.sandbox.actions.createQueue({ name: 'orders', type: 'fifo', tellsPolicies: true });
  t.match(await open.queue.attributes(never), { type: 'fifo', deadLetter: 'none' });
  open.sandbox.actions.createQueue({ name: 'orders', deadLetter: { queue: 'dead', maxReceiveCount: 3 } });
  t.match(await open.queue.attributes(never), { deadLetter: { queue: 'dead', maxReceiveCount: 3 } });

  const times =
    '<VisibilityTimeout>30</VisibilityTimeout><MessageRetentionPeriod>60</MessageRetentionPeriod>';
  for (const [number, type] of [
    ['', undefined],
    ['<MessageType>0</MessageType>', 'normal'],
    ['<MessageType>1</MessageType>', 'not standard'],
  ]) {
    open.sandbox.actions.setFaults([
      { kind: 'respond', status: 200, body: `<Queue>${number}${times}</Queue>` },
    ]);
    t.equal((await open.queue.attributes(never)).type, type);
  }

  const body = '<Queue><VisibilityTimeout>30</VisibilityTimeout></Queue>';
  open.sandbox.actions.setFaults([{ kind: 'respond', status: 200, body }]);
  t.match(await errorOf(open.queue.attributes(never)), {
    code: 'UnexpectedAnswer',
    message: /MessageRetentionPeriod/,
  });
});

t.test('a message without an id or a handle is damaged, and the one beside it is received', async (t) => {
  const open = await openQueue(t);
  for (const [rest, at] of [
    ['<ReceiptHandle>h</ReceiptHandle>', 'MessageId'],
    ['<MessageId>i</MessageId>', 'ReceiptHandle'],
    ['<MessageId/>', 'MessageId'],
  ]) {
    const good = '<MessageId>j</MessageId><MessageBody>c</MessageBody><ReceiptHandle>k</ReceiptHandle>';
    const body = `<Messages><Message><MessageBody>b</MessageBody>${rest}</Message><Message>${good}</Message></Messages>`;
    open.sandbox.actions.setFaults([{ kind: 'respond', status: 200, body }]);
    t.match(await receiveAll(open), [
      { message: { body: 'b', damage: { at } } },
      { message: { messageId: 'j', body: 'c', damage: undefined }, receiptHandle: 'k' },
    ]);
  }
});

t.test('the body of an answer with messages is read only once there is room for it', async (t) => {
  const open = await openQueue(t);
  t.same(
    await open.queue.receive(16, 0, never, () => new Promise(() => undefined)),
    [],
    'an empty poll needs none',
  );
  open.sandbox.actions.feed('orders', bodies(...Array.from({ length: 16 }, () => 'x'.repeat(65_536))));
  let [answerBytes, go] = [0, (): void => undefined];
  const received = open.queue.receive(16, 0, never, async (bytes) => {
    answerBytes = bytes;
    await new Promise<void>((resolve) => (go = resolve));
  });
  await until(() => answerBytes > 0, { what: 'the answer has begun' });
  t.ok(answerBytes > 16 * 65_536);
  go();
  t.equal((await received).length, 16);
});

t.test('an answer that finds no room in time fails, and so does one whose poll is aborted', async (t) => {
  const open = await openQueue(t, { client: { bodyWithinMs: 20 } });
  const wait = async (_bytes: number, signal: AbortSignal): Promise<void> => {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
  };
  open.sandbox.actions.feed('orders', bodies('one', 'x'.repeat(65_536)));
  t.match(await errorOf(open.queue.receive(1, 0, never, wait)), {
    code: 'TimedOut',
    message: /no room in memory/,
  });
  const abort = new AbortController();
  const poll = open.queue.receive(1, 0, abort.signal, async (bytes, signal) => {
    abort.abort(new Error('given up'));
    await wait(bytes, signal);
  });
  await t.rejects(poll, { message: 'given up' });
});

t.test('after a close no call goes out', async (t) => {
  const open = await openQueue(t);
  const poll = errorOf(open.queue.receive(16, 30, never));
  await until(() => open.state().openPolls === 1, { what: 'the poll waits at the server', everyMs: 1 });
  await open.queue.close();
  t.match(await poll, { code: 'ConnectionFailed' }, 'a poll under way ends');
  t.match(await errorOf(receiveAll(open)), { code: 'ConnectionFailed' });
});
