import t from 'tap';
import { openSandbox, refused, startMs } from './open-sandbox-mns.js';
import { element, elements, rawCall } from '../support/raw-client.js';

t.test('a message is hidden for its visibility timeout and comes back under another handle', async (t) => {
  const { feed, receive, remove, change, clock } = await openSandbox(t);
  feed('x');
  const first = element((await receive()).body, 'ReceiptHandle');
  t.equal((await receive()).status, 404);
  clock.advance(29_999);
  t.equal((await receive()).status, 404);
  clock.advance(1);
  refused(t, await remove(first), 404, 'MessageNotExist');
  const again = await receive();
  t.equal(element(again.body, 'DequeueCount'), '2');
  t.equal(element(again.body, 'FirstDequeueTime'), String(startMs), 'the first delivery stays the first');
  const second = element(again.body, 'ReceiptHandle');
  t.not(second, first);
  refused(t, await change(first, 60), 404, 'MessageNotExist');
  const changed = await change(second, 60);
  t.equal(changed.status, 200);
  t.equal(element(changed.body, 'NextVisibleTime'), String(clock.now() + 60_000), 'counted from the call');
  const third = element(changed.body, 'ReceiptHandle');
  refused(t, await remove(second), 404, 'MessageNotExist');
  clock.advance(59_999);
  t.equal((await remove(third)).status, 204);
  refused(t, await remove(third), 404, 'MessageNotExist');
});

t.test('handles that are none, or of another queue, are refused as such', async (t) => {
  const { sandbox, feed, receive, remove, change } = await openSandbox(t, { queues: ['orders', 'other'] });
  sandbox.actions.feed('other', [{ body: 'x' }]);
  const [foreign] = elements(
    (
      await rawCall(sandbox, {
        method: 'GET',
        target: '/queues/other/messages',
        date: new Date(startMs).toUTCString(),
      })
    ).body,
    'ReceiptHandle',
  );
  feed('x');
  const handle = element((await receive()).body, 'ReceiptHandle');
  for (const bad of ['x', '', foreign ?? '', handle.slice(1), handle.replace(/=+$/, '')]) {
    refused(t, await remove(bad), 400, 'ReceiptHandleError');
  }
  for (const seconds of [0, 43_201, 'x', 1.5])
    refused(t, await change(handle, seconds), 400, 'InvalidArgument');
  t.equal((await change(handle, 43_200)).status, 200);
});

t.test('documented handles with plus and slash must be encoded by the client', async (t) => {
  const { feed, receive, remove, call } = await openSandbox(t, { urlSafeHandles: false });
  feed('x');
  const handle = element((await receive()).body, 'ReceiptHandle');
  t.match(handle, /\+.*\/.*=/);
  refused(
    t,
    await call('DELETE', `/queues/orders/messages?ReceiptHandle=${handle}`),
    400,
    'ReceiptHandleError',
  );
  t.equal((await remove(handle)).status, 204);
});

t.test('a batch delete is 204 only if all went, and else names those that did not', async (t) => {
  const { feed, receive, removeBatch, state, call } = await openSandbox(t);
  feed('a', 'b', 'c');
  const [first = '', second = '', third = ''] = elements(
    (await receive('?numOfMessages=3')).body,
    'ReceiptHandle',
  );
  t.equal((await removeBatch(first)).status, 204);
  const partly = await removeBatch(first, second, 'garbage');
  t.equal(partly.status, 404);
  t.same(elements(partly.body, 'ErrorCode'), ['MessageNotExist', 'ReceiptHandleError']);
  t.same(elements(partly.body, 'ReceiptHandle'), [first, 'garbage']);
  t.match(
    partly.body,
    /^<\?xml version="1.0" \?>\n<Errors xmlns="http:\/\/mns.aliyuncs.com\/doc\/v1">\n  <Error>\n    <ErrorCode>/,
  );
  t.equal(state().deleted, 2);
  t.equal(state().inactive, 1);
  refused(t, await removeBatch(), 400, 'MalformedXML');
  refused(t, await removeBatch(...Array.from({ length: 17 }, () => third)), 400, 'InvalidArgument');
  refused(t, await call('DELETE', '/queues/orders/messages', '[object Object]'), 400, 'MalformedXML');
  refused(t, await call('DELETE', '/queues/orders/messages'), 400, 'MissingReceiptHandle');
});

t.test('a long poll', async (t) => {
  await t.test('wakes on arrival and hands a message to one poll only', async (t) => {
    const { feed, receive, polls } = await openSandbox(t);
    const waiting = [
      receive('?numOfMessages=16&waitseconds=30'),
      receive('?numOfMessages=16&waitseconds=30'),
    ];
    await polls(2);
    feed('a', 'b');
    const first = await Promise.race(waiting);
    t.same(elements(first.body, 'MessageBody'), ['a', 'b']);
    await polls(1);
    feed('c');
    const bodies = (await Promise.all(waiting)).flatMap(({ body }) => elements(body, 'MessageBody'));
    t.same(bodies.sort(), ['a', 'b', 'c']);
  });
  await t.test('wakes when a visibility timeout or a delay ends', async (t) => {
    const { sandbox, feed, receive, polls, clock } = await openSandbox(t);
    feed('x');
    await receive();
    clock.advance(20_000);
    const poll = receive('?waitseconds=30');
    await polls(1);
    clock.advance(10_000);
    t.equal(element((await poll).body, 'DequeueCount'), '2');
    sandbox.actions.feed('orders', [{ body: 'later', delayMs: 5000 }]);
    const delayed = receive('?waitseconds=30');
    await polls(1);
    clock.advance(5000);
    t.equal(element((await delayed).body, 'MessageBody'), 'later');
  });
  await t.test('ends with 404 after its wait, which the queue may set', async (t) => {
    const { sandbox, receive, polls, clock, state } = await openSandbox(t, { pollsEndEarlyBy: 0 });
    const poll = receive('?waitseconds=10');
    await polls(1);
    clock.advance(9999);
    t.equal(state().openPolls, 1);
    clock.advance(1);
    refused(t, await poll, 404, 'MessageNotExist');
    sandbox.actions.createQueue({ name: 'orders', pollingWaitMs: 3000 });
    const byQueue = receive();
    await polls(1);
    clock.advance(3000);
    refused(t, await byQueue, 404, 'MessageNotExist');
    refused(t, await receive('?waitseconds=0'), 404, 'MessageNotExist');
    refused(t, await receive('?waitseconds=31'), 400, 'InvalidArgument');
    refused(t, await receive('?numOfMessages=17'), 400, 'InvalidArgument');
    refused(t, await receive('?numOfMessages=0'), 400, 'InvalidArgument');
  });
  await t.test('ends a little early whatever its wait, as those of the service do', async (t) => {
    for (const seconds of [1, 2, 10, 20, 30]) {
      const { receive, polls, clock } = await openSandbox(t);
      const poll = receive(`?waitseconds=${seconds}`);
      await polls(1);
      clock.advance(seconds * 800 - 1);
      await polls(1);
      clock.advance(seconds * 134 + 1);
      refused(t, await poll, 404, 'MessageNotExist');
    }
  });
  await t.test('is over when its client is gone, so that the next message is not lost', async (t) => {
    const { feed, receive, polls, state } = await openSandbox(t);
    const leaving = new AbortController();
    const gone = receive('?waitseconds=30', { signal: leaving.signal });
    await polls(1);
    leaving.abort();
    await gone;
    await polls(0);
    feed('x');
    t.equal(element((await receive()).body, 'DequeueCount'), '1');
    t.equal(state().requests['Receive']?.['disconnected'], 1);
  });
});

t.test('retention ends a message wherever it is, counted from its enqueue time', async (t) => {
  const { sandbox, feed, receive, remove, clock, state } = await openSandbox(t);
  sandbox.actions.createQueue({ name: 'orders', retentionMs: 60_000, visibilityMs: 90_000 });
  feed('held', 'waiting');
  sandbox.actions.feed('orders', [{ body: 'old', enqueueTimeMs: startMs - 59_000 }]);
  const held = element((await receive()).body, 'ReceiptHandle');
  clock.advance(1000);
  t.equal(state().expired, 1, 'the old one first');
  clock.advance(59_000);
  t.same([state().expired, state().active, state().inactive, state().undeleted], [3, 0, 0, 0]);
  refused(t, await remove(held), 404, 'MessageNotExist');
});

t.test('a delayed message is delivered after its delay and can be deleted before', async (t) => {
  const { call, receive, remove, clock, state } = await openSandbox(t);
  const send = (xml: string) =>
    call('POST', '/queues/orders/messages', `<Message><MessageBody>x</MessageBody>${xml}</Message>`);
  const handle = element((await send('<DelaySeconds>10</DelaySeconds>')).body, 'ReceiptHandle');
  await send('<DelaySeconds>10</DelaySeconds>');
  t.equal(element((await send('<DelaySeconds>0</DelaySeconds>')).body, 'ReceiptHandle'), '');
  t.same([state().active, state().delayed, state().undeleted], [1, 2, 0]);
  t.equal((await remove(handle)).status, 204);
  await receive();
  refused(t, await receive(), 404, 'MessageNotExist');
  clock.advance(10_000);
  t.equal(element((await receive()).body, 'DequeueCount'), '1');
});

t.test('higher priority comes first, and the order within one can be shuffled', async (t) => {
  const { sandbox, receive } = await openSandbox(t, { shuffle: true });
  const bodies = Array.from({ length: 40 }, (_, index) => String(index));
  sandbox.actions.feed(
    'orders',
    bodies.map((body, index) => ({ body, priority: index < 38 ? 8 : 1 })),
  );
  const received: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    received.push(...elements((await receive('?numOfMessages=16')).body, 'MessageBody'));
  }
  t.same(received.slice(0, 2).sort(), ['38', '39']);
  t.same([...received].sort(), [...bodies].sort());
  t.notSame(received.slice(2), bodies.slice(0, 38));
});

t.test('what is received too often goes to the dead-letter queue and keeps its age', async (t) => {
  const { sandbox, feed, receive, clock, state, call, polls } = await openSandbox(t);
  sandbox.actions.createQueue({ name: 'dead' });
  sandbox.actions.createQueue({ name: 'orders', deadLetter: { queue: 'dead', maxReceiveCount: 2 } });
  const [id] = feed('bad');
  await receive();
  clock.advance(30_000);
  t.equal(element((await receive()).body, 'DequeueCount'), '2');
  clock.advance(29_000);
  const waiting = call('GET', '/queues/dead/messages?waitseconds=30');
  await polls(1, 'dead');
  clock.advance(999);
  t.equal(state().deadLettered, 0);
  clock.advance(1);
  const { body } = await waiting;
  t.equal(element(body, 'MessageBody'), 'bad');
  t.equal(element(body, 'EnqueueTime'), String(startMs));
  t.equal(element(body, 'DequeueCount'), '1');
  t.not(element(body, 'MessageId'), id);
  t.same(elements(body, 'Name'), ['DLQMessageType', 'DLQSourceArn', 'DLQOriginMessageId']);
  t.ok(elements(body, 'Value').includes(id ?? '?'));
  t.same([state().deadLettered, state().active, state().inactive], [1, 0, 0]);
});

t.test('peeking shows the next messages and changes nothing', async (t) => {
  const { feed, receive, state } = await openSandbox(t);
  refused(t, await receive('?peekonly=true'), 404, 'MessageNotExist');
  feed('a', 'b', 'c');
  const one = await receive('?peekonly=true');
  t.equal(element(one.body, 'FirstDequeueTime'), element(one.body, 'EnqueueTime'));
  t.match(one.body, /<Message xmlns=.*<MessageBody>a</s);
  t.notMatch(one.body, /ReceiptHandle|NextVisibleTime/);
  t.same(elements((await receive('?numOfMessages=2&peekonly=true')).body, 'MessageBody'), ['a', 'b']);
  t.same([state().active, state().received], [3, 0]);
});
