import { getEventListeners, setMaxListeners } from 'node:events';
import { connect, DiscardPolicy, type Msg, type NatsConnection } from 'nats';
import t from 'tap';
import { toCloudEvent } from '../../../../src/event/cloud-event.js';
import { eventPublication } from '../../../../src/nats/publish/publication.js';
import { NotStoredError, PublishRejectedError } from '../../../../src/nats/publish/not-stored.js';
import type { Publication } from '../../../../src/nats/publish/publisher.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { storedMessages } from '../../../support/stored-messages.js';
import { startTcpProxy } from '../../../support/tcp-proxy.js';
import { until } from '../../../support/until.js';
import { openStore } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const manager = await client.jetstreamManager();
const neverAborted = new AbortController().signal;
// Each publish of a test listens to it, where each message of a worker has a signal of its own.
setMaxListeners(0, neverAborted);
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

let streams = 0;

/** The prefix of the next stream, whose store it is. */
const nextPrefix = (): string => `test-${streams + 1}`;

/** A stream of its own for each test, and publications for it. */
async function aStream(options: { maxBytes?: number; isLater?: boolean } = {}): Promise<{
  stream: string;
  subject: string;
  publication: (msgId: string, more?: Partial<Publication>) => Publication;
  add: () => Promise<void>;
}> {
  const subject = `${nextPrefix()}.event`;
  const stream = `TEST-${++streams}_EVENTS`;
  const add = async (): Promise<void> => {
    await manager.streams.add({
      name: stream,
      subjects: [`${subject}.>`],
      ...(options.maxBytes !== undefined && { max_msg_size: options.maxBytes }),
    });
  };
  if (options.isLater !== true) await add();
  return {
    stream,
    subject,
    publication: (msgId, more = {}) => ({
      subject: `${subject}.x`,
      stream,
      msgId,
      body: `body of ${msgId}`,
      headers: { 'Content-Type': 'text/plain' },
      ...more,
    }),
    add,
  };
}

t.test('resolves with the place in the stream; the second time as a duplicate of it', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const { publisher } = opened.store;
  const { publication, stream } = await aStream();
  t.match(await publisher.publish(publication('a'), neverAborted), { seq: 1, duplicate: false });
  t.match(await publisher.publish(publication('b'), neverAborted), { seq: 2, duplicate: false });
  t.match(await publisher.publish(publication('a', { body: 'other' }), neverAborted), {
    seq: 1,
    duplicate: true,
  });
  const [first] = await storedMessages(server.url, stream);
  t.equal(first?.text, 'body of a');
  t.match(first?.headers, { 'Nats-Msg-Id': 'a', 'Content-Type': 'text/plain' });
});

t.test('waits for a stream that does not exist yet, and says so once', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const later = await aStream({ isLater: true });
  const acks = ['a', 'b', 'c'].map((id) =>
    opened.store.publisher.publish(later.publication(id), neverAborted),
  );
  await until(() => opened.reports.some(([name]) => name === 'storeGate'), { what: 'the gate closes' });
  t.equal(opened.store.gate.isOpen, false);
  await later.add();
  t.same((await Promise.all(acks)).map(({ seq }) => seq).sort(), [1, 2, 3]);
  t.equal(opened.store.gate.isOpen, true);
  t.same(
    opened.reports.filter(([name]) => name === 'publishTrouble'),
    [['publishTrouble', 'no stream takes this subject at the moment', later.stream]],
  );
});

t.test('does not accept another stream that takes the subject', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const right = await aStream({ isLater: true });
  const wrong = { name: 'WRONG', subjects: [`${right.subject}.>`] };
  await manager.streams.add(wrong);
  const publishing = opened.store.publisher.publish(right.publication('a'), neverAborted);
  await until(() => opened.reports.some(([name]) => name === 'publishTrouble'), { what: 'it is refused' });
  t.match(opened.reports, [['connected'], ['publishTrouble', /expected stream does not match/]]);
  await manager.streams.delete(wrong.name);
  await right.add();
  t.match(await publishing, { seq: 1, duplicate: false });
});

t.test('sends again what broke with the connection, under the same id', async (t) => {
  await using proxy = await startTcpProxy(server);
  await using opened = await openStore({ prefix: nextPrefix(), servers: [`nats://127.0.0.1:${proxy.port}`] });
  const { publication, stream } = await aStream();
  const acks: Promise<unknown>[] = [];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 300; i++)
      acks.push(opened.store.publisher.publish(publication(`${round}-${i}`), neverAborted));
    await Promise.race(acks.slice(-300));
    proxy.resetConnections();
    await until(() => opened.reports.filter(([name]) => name === 'disconnected').length > round, {
      what: 'it is noticed',
    });
    t.equal(opened.store.gate.isOpen, false, 'the gate is closed while the connection is down');
    await until(() => opened.reports.filter(([name]) => name === 'reconnected').length > round, {
      what: 'it is back',
    });
  }
  await Promise.all(acks);
  await opened.store.publisher.publish(publication('last'), neverAborted);
  t.equal(opened.store.gate.isOpen, true, 'once something is stored over the new connection');
  const ids = (await storedMessages(server.url, stream)).map(({ headers }) => headers['Nats-Msg-Id']);
  t.equal(ids.length, 901);
  t.equal(new Set(ids).size, 901);
});

t.test('sends again what nobody answers, and closes the gate meanwhile', async (t) => {
  await using proxy = await startTcpProxy(server);
  await using opened = await openStore({
    prefix: nextPrefix(),
    servers: [`nats://127.0.0.1:${proxy.port}`],
    ackTimeoutMs: 100,
  });
  const { publication, stream } = await aStream();
  proxy.setBlackHole(true);
  const acks = ['a', 'b'].map((id) => opened.store.publisher.publish(publication(id), neverAborted));
  await until(() => !opened.store.gate.isOpen, { what: 'the gate closes' });
  proxy.setBlackHole(false);
  await Promise.all(acks);
  t.equal(opened.store.gate.isOpen, true);
  t.equal((await storedMessages(server.url, stream)).length, 2, 'though each was sent several times');
  t.same(opened.reports.map(([name, reason]) => [name, typeof reason]).slice(1), [
    ['storeGate', 'string'],
    ['storeGate', 'undefined'],
  ]);
});

t.test('rejects with PublishRejectedError what is too large', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const { publication } = await aStream({ maxBytes: 1_000 });
  const tooLargeForStream = publication('a', { body: 'x'.repeat(2_000) });
  const tooLargeForServer = publication('b', { body: new Uint8Array(1_100_000) });
  for (const tooLarge of [tooLargeForStream, tooLargeForServer]) {
    const publishing = opened.store.publisher.publish(tooLarge, neverAborted);
    await t.rejects(publishing, PublishRejectedError);
  }
  t.match(await opened.store.publisher.publish(publication('c'), neverAborted), { seq: 1 });
  t.equal(opened.store.gate.isOpen, true, 'one bad message does not close the gate');
});

t.test('what another stream than that of the events rejects is told as not stored', async (t) => {
  await using opened = await openStore({ prefix: 'others', servers: [server.url] });
  const { publication, stream } = await aStream({ maxBytes: 1_000 });
  const tooLarge = publication('a', { body: 'x'.repeat(2_000) });
  await t.rejects(opened.store.publisher.publish(tooLarge, neverAborted), PublishRejectedError);
  const told = opened.reports.filter(([name]) => name === 'notStored');
  t.equal(told.length, 1);
  t.match(told[0]?.[1], { stream, subject: tooLarge.subject, reason: /size exceeds/ });
});

t.test(
  'what one stream refuses holds up no other, and is given up with its stream and subject',
  async (t) => {
    await using opened = await openStore({
      prefix: nextPrefix(),
      servers: [server.url],
      maxPublishesInFlight: 2,
    });
    const { publication } = await aStream();
    const full = { name: 'FULL', subjects: ['full.>'], max_msgs: 1, discard: DiscardPolicy.New };
    await manager.streams.add(full);
    const toFull = (msgId: string): Publication =>
      publication(msgId, { stream: full.name, subject: `full.${msgId}` });
    const { publisher, gate } = opened.store;
    await publisher.publish(toFull('first'), neverAborted);
    const refused = ['a', 'b', 'c'].map(async (id) => {
      const error: unknown = await publisher.publish(toFull(id), neverAborted).catch((e: unknown) => e);
      t.match(error, {
        name: 'NotStoredError',
        stream: 'FULL',
        subject: `full.${id}`,
        reason: /maximum messages/,
      });
    });
    for (let i = 0; i < 50; i++) await publisher.publish(publication(`good ${i}`), neverAborted);
    await Promise.all(refused);
    t.ok(gate.isOpen, 'events are stored all the while');
    t.notOk(opened.reports.some(([name]) => name === 'storeGate'));
    t.equal(opened.reports.filter(([name]) => name === 'notStored').length, 3);
  },
);

t.test('a subject that the stream of events refuses is given up while others are stored', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const { publication, stream, subject } = await aStream({ isLater: true });
  const perSubject = { max_msgs_per_subject: 1, discard: DiscardPolicy.New, discard_new_per_subject: true };
  await manager.streams.add({ name: stream, subjects: [`${subject}.>`], ...perSubject });
  const { publisher, gate } = opened.store;
  await publisher.publish(publication('first', { subject: `${subject}.bad` }), neverAborted);
  const bad = publisher.publish(publication('second', { subject: `${subject}.bad` }), neverAborted);
  await t.rejects(bad, NotStoredError);
  await publisher.publish(publication('good', { subject: `${subject}.good` }), neverAborted);
  t.ok(gate.isOpen);
});

t.test(
  'a full stream of events closes the gate, holds what is in flight, and opens it once there is room',
  async (t) => {
    await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
    const { publication, stream, subject } = await aStream({ isLater: true });
    const config = { name: stream, subjects: [`${subject}.>`], max_msgs: 1, discard: DiscardPolicy.New };
    await manager.streams.add(config);
    const { publisher, gate } = opened.store;
    await publisher.publish(publication('first'), neverAborted);
    const held = ['a', 'b', 'c'].map((id) => publisher.publish(publication(id), neverAborted));
    await until(() => !gate.isOpen, { what: 'the gate closes' });
    t.notOk(
      opened.reports.some(([name]) => name === 'notStored'),
      'none is given up',
    );
    await manager.streams.update(stream, { ...config, max_msgs: 10 });
    t.equal((await Promise.all(held)).length, 3);
    t.ok(gate.isOpen);
  },
);

t.test('keeps to its bound, first come, first served', async (t) => {
  await using opened = await openStore({
    prefix: nextPrefix(),
    servers: [server.url],
    maxPublishesInFlight: 2,
    ackTimeoutMs: 60_000,
  });
  const { publisher } = opened.store;
  const { publication, subject } = await aStream({ isLater: true });
  // A subscriber that does not answer: the server finds a responder, and no PubAck comes.
  const sent = await silentSubscriber(`${subject}.>`);
  const aborts = ['a', 'b', 'c', 'd', 'e'].map((id) => {
    const abort = new AbortController();
    return { id, abort, done: t.rejects(publisher.publish(publication(id), abort.signal), /left/) };
  });
  const leave = (id: string): void => {
    aborts.find((one) => one.id === id)?.abort.abort(new Error('left'));
  };
  await until(() => sent().length === 2, { what: 'two are sent' });
  leave('d');
  leave('a');
  await until(() => sent().length === 3, { what: 'the next is sent' });
  leave('b');
  leave('c');
  await until(() => sent().length === 4, { what: 'the last is sent' });
  t.same(sent(), ['a', 'b', 'c', 'e'], 'and never the one that left the line');
  leave('e');
  await Promise.all(aborts.map(({ done }) => done));
});

t.test('an abort rejects with its reason and leaves nothing behind', async (t) => {
  await using opened = await openStore({
    prefix: nextPrefix(),
    servers: [server.url],
    maxPublishesInFlight: 2,
  });
  const { publisher } = opened.store;
  const { publication, add } = await aStream({ isLater: true });
  const lease = new AbortController();
  const reason = new Error('the lease is lost');
  const waiting = ['a', 'b', 'c', 'd'].map((id) => publisher.publish(publication(id), lease.signal));
  const rejected = waiting.map((each) => t.rejects(each, reason));
  lease.abort(reason);
  await Promise.all(rejected);
  t.equal(getEventListeners(lease.signal, 'abort').length, 0);
  await t.rejects(
    publisher.publish(publication('e'), lease.signal),
    reason,
    'also when it was aborted before',
  );

  await add();
  const fresh = new AbortController();
  const acks = ['x', 'y', 'z'].map((id) => publisher.publish(publication(id), fresh.signal));
  t.equal((await Promise.all(acks)).length, 3, 'every place is free again');
  t.equal(getEventListeners(fresh.signal, 'abort').length, 0, 'a success leaves no listener either');
});

t.test('rejects when the connection is closed for good, and not as if the message were bad', async (t) => {
  const opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  const { publication } = await aStream();
  await opened.store.close();
  const error: unknown = await opened.store.publisher
    .publish(publication('a'), neverAborted)
    .catch((e: unknown) => e);
  t.match(error, { code: 'CONNECTION_CLOSED' });
  t.notOk(error instanceof PublishRejectedError);
});

t.test('a hostile MediaId cannot inject a line of the protocol', async (t) => {
  await using opened = await openStore({ prefix: nextPrefix(), servers: [server.url] });
  await manager.streams.add({ name: 'VOD_EVENTS', subjects: ['vod.event.>'] });
  const seen: Msg[] = [];
  const watcher = await connect({ servers: server.url });
  watcher.subscribe('>', {
    callback: (_error, message) => {
      if (!/^(\$JS|_INBOX|\$SYS)/.test(message.subject)) seen.push(message);
    },
  });
  await watcher.flush();
  const mediaId = 'x 0\r\n\r\nPUB vod.event.evil 2\r\nhi\r\nPUB y';
  const cloudEvent = toCloudEvent(
    {
      kind: 'delete-media-complete',
      eventTime: '2026-03-20T07:49:17Z',
      status: '> ',
      mediaType: '*',
      deleteType: '\r\n',
      mediaId,
      jobIds: [],
      extra: {},
    },
    { region: 'cn-shanghai', account: '1', queue: 'q' },
    '2026-03-20T07:49:17Z',
  );
  await opened.store.publisher.publish(eventPublication('vod', cloudEvent), neverAborted);
  await watcher.flush();
  t.equal(seen.length, 1);
  t.match(seen[0]?.subject, /^vod\.event\.DeleteMediaComplete(\.[A-Za-z0-9_%-]+){4}$/);
  t.equal(seen[0]?.json<{ data: { mediaId: string } }>().data.mediaId, mediaId);
  await watcher.close();
});

/** @returns what was sent so far, by `Nats-Msg-Id`. */
async function silentSubscriber(subject: string): Promise<() => string[]> {
  const ids: string[] = [];
  const connection: NatsConnection = client;
  const subscription = connection.subscribe(subject, {
    callback: (_error, { headers }) => {
      ids.push(headers?.get('Nats-Msg-Id') ?? '');
    },
  });
  await connection.flush();
  t.teardown(() => {
    subscription.unsubscribe();
  });
  return () => ids;
}
