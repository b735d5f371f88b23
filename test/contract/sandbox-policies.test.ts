/** FIFO queues, dead-letter policies and RAM policies of the sandbox. */
import t from 'tap';
import { openSandbox, refused } from './open-sandbox-mns.js';
import { element, elements } from '../support/raw-client.js';
import { openSandboxVod, refusedByVod } from './open-sandbox-vod.js';

t.test('a FIFO queue refuses a message without a group, and takes one with it', async (t) => {
  const { call, state } = await openSandbox(t, { queues: [{ name: 'orders', type: 'fifo' }] });
  const send = (group: string) =>
    call('POST', '/queues/orders/messages', `<Message><MessageBody>x</MessageBody>${group}</Message>`);
  refused(t, await send(''), 400, 'FifoMissingMessageGroupId');
  t.equal((await send('<MessageGroupId>g</MessageGroupId>')).status, 201);
  t.equal(state().active, 1);
});

t.test('VOD, which sends no group, cannot write to a FIFO queue', async (t) => {
  const { v3, clock, sandbox, events } = await openSandboxVod(t, {
    queues: [{ name: 'events', type: 'fifo' }],
  });
  sandbox.actions.seedMedia([{ mediaId: 'm' }]);
  await v3('DeleteVideo', { VideoIds: 'm' });
  clock.advance(2_000);
  t.same(sandbox.actions.vodState().events, { sent: 0, dropped: 1 });
  t.same(events(), []);
});

t.test('the attributes tell the type and the dead-letter policy only when they are to', async (t) => {
  const policy = { deadLetter: { queue: 'dead', maxReceiveCount: 3 } };
  const { call, sandbox } = await openSandbox(t, { queues: [{ name: 'orders', ...policy }] });
  const attributes = async (): Promise<string> => (await call('GET', '/queues/orders')).body;
  t.same(elements(await attributes(), 'QueueType'), []);
  t.equal(element(await attributes(), 'MessageType'), '0', 'but for its number');
  sandbox.actions.createQueue({ name: 'orders', tellsPolicies: true });
  const told = await attributes();
  t.equal(element(told, 'QueueType'), 'normal');
  t.same(
    ['Enabled', 'DeadLetterTargetQueue', 'MaxReceiveCount'].map((name) => element(told, name)),
    ['true', 'dead', '3'],
  );
});

t.test('what the policy of a key denies is refused before anything else is looked at', async (t) => {
  const credentials = [
    { accessKeyId: 'a', accessKeySecret: 's', denied: ['BatchReceive', 'GetVideoInfo'] as const },
  ];
  const { call, receive, feed } = await openSandbox(t, { credentials });
  feed('x');
  refused(t, await receive('?numOfMessages=17'), 403, 'AccessDenied');
  refused(t, await call('GET', '/queues/none/messages?numOfMessages=1'), 403, 'AccessDenied');
  t.equal((await receive()).status, 200, 'another operation is not');
  const { v3 } = await openSandboxVod(t, { credentials });
  refusedByVod(t, await v3('GetVideoInfo', { VideoId: 'none' }), 403, 'Forbidden.RAM');
  refusedByVod(
    t,
    await v3('DeleteMultipartUpload', { MediaId: 'none', MediaType: 'video' }),
    400,
    'InvalidVideo.NotFound',
  );
});
