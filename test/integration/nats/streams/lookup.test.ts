import { setMaxListeners } from 'node:events';
import { connect } from 'nats';
import t from 'tap';
import { checkpointPublication, replayedEventPublication } from '../../../../src/nats/publish/publication.js';
import { declareReplayStream, streamTaking } from '../../../../src/nats/streams/replay-topology.js';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from '../../../../src/replay/checkpoint.js';
import { noCounts } from '../../../../src/replay/counts.js';
import { StreamLookup } from '../../../../src/nats/streams/lookup.js';
import { systemClock } from '../../../../src/time.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { openStore, recorder } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const opened = await openStore({ servers: [server.url] });
const { signal } = new AbortController();
setMaxListeners(0, signal);
await opened.store.ensureHorizon(60_000, signal);
const { publisher } = opened.store;
const reader = opened.store.reader();
t.teardown(async () => {
  await opened[Symbol.asyncDispose]();
  await client.close();
  await server[Symbol.asyncDispose]();
});

const contentType = 'application/cloudevents+json' as const;

async function send(subject: string, id: string, item: string): Promise<void> {
  const target = { subject, stream: 'VOD_EVENTS' };
  const event = { id, contentType, body: '{"x":1}' };
  await publisher.publish(replayedEventPublication(target, event, { replayId: 'r', item }, false), signal);
}

t.test('an id is found on its subject, with the item that stored it, however many are there', async (t) => {
  for (const count of [1, 3, 40]) {
    const subject = `vod.event.Many.${count}`;
    for (let n = 0; n < count; n++) await send(subject, `${count}-${n}`, `item-${n}`);
  }
  let asked = 0;
  const counting = {
    get: (...args: Parameters<typeof reader.get>) => {
      asked++;
      return reader.get(...args);
    },
    nextOnSubject: (...args: Parameters<typeof reader.nextOnSubject>) => {
      asked++;
      return reader.nextOnSubject(...args);
    },
  };
  const lookup = new StreamLookup(counting, 'VOD_EVENTS');
  const last = await lookup.find('vod.event.Many.3', '3-2', signal);
  t.match(last, { by: { replayId: 'r', item: 'item-2' } });
  t.equal(await lookup.find('vod.event.Many.3', '1-0', signal), undefined, 'not what is on another subject');
  t.equal(await lookup.find('vod.event.None', 'x', signal), undefined);

  asked = 0;
  const found = await Promise.all(
    Array.from({ length: 40 }, (_, n) => lookup.find('vod.event.Many.40', `40-${n}`, signal)),
  );
  t.same(
    found.map((each) => each?.by?.item),
    Array.from({ length: 40 }, (_, n) => `item-${n}`),
  );
  t.equal(await lookup.find('vod.event.Many.40', 'absent', signal), undefined);
  t.ok(asked < 250, `a long walk is made about once, not 40 times: ${asked} questions`);

  await send('vod.event.Many.40', 'late', 'item-late');
  t.match(await lookup.find('vod.event.Many.40', 'late', signal), {
    by: { replayId: 'r', item: 'item-late' },
  });
});

t.test('what was found once and is removed since is not found', async (t) => {
  const subject = 'vod.event.Many.removed';
  for (let n = 0; n < 20; n++) await send(subject, `removed-${n}`, `item-${n}`);
  const lookup = new StreamLookup(reader, 'VOD_EVENTS');
  const found = await lookup.find(subject, 'removed-19', signal);
  t.ok(await reader.remove('VOD_EVENTS', found?.seq ?? 0));
  t.equal(await lookup.find(subject, 'removed-19', signal), undefined);
  t.match(await lookup.find(subject, 'removed-18', signal), { by: { item: 'item-18' } });
});

t.test('an id is found under the ones that it was published with again', async (t) => {
  await send('vod.event.Again', 'again@7@9', 'item');
  const lookup = new StreamLookup(reader, 'VOD_EVENTS');
  t.match(await lookup.find('vod.event.Again', 'again', signal), { by: { item: 'item' } });
  t.match(await lookup.find('vod.event.Again', 'again@7', signal), { by: { item: 'item' } });
});

t.test('a checkpoint takes the place of the one before', async (t) => {
  const names = { prefix: 'vod', replicas: 1, eventsMs: 3_600_000 };
  const declare = (): Promise<void> =>
    declareReplayStream({ connection: client, ...names, clock: systemClock, signal, events: recorder([]) });
  await declare();
  await declare();
  t.equal(await readCheckpoint(reader, 'vod', 'a', signal), undefined);
  const before = { source: 'events', queues: [], selection: {}, again: true, keep: false, rate: 1 } as const;
  const plan = { ...before, followUp: false };
  const checkpoint = (id: string, nextSeq: number): Checkpoint => ({
    id,
    plan,
    state: 'running',
    counts: noCounts,
    sources: { S: { done: false, nextSeq, unfinished: [] } },
  });
  for (const nextSeq of [1, 2, 3]) {
    await writeCheckpoint(publisher, 'vod', checkpoint('a', nextSeq), signal);
    await writeCheckpoint(publisher, 'vod', checkpoint('b', -nextSeq), signal);
  }
  t.same(await readCheckpoint(reader, 'vod', 'a', signal), checkpoint('a', 3));
  t.same(await readCheckpoint(reader, 'vod', 'b', signal), checkpoint('b', -3));
  t.equal((await reader.state('VOD_REPLAYS', signal)).messages, 2, 'one each');

  const old = JSON.stringify({ ...checkpoint('old', 1), plan: before });
  await publisher.publish(checkpointPublication('vod', 'old', 'old-1', old), signal);
  t.same(await readCheckpoint(reader, 'vod', 'old', signal), checkpoint('old', 1), 'one without follow-ups');
});

t.test('the stream for a subject prefix takes all of it', async (t) => {
  const manager = await client.jetstreamManager();
  await manager.streams.add({ name: 'PART', subjects: ['part.event.one'] });
  await manager.streams.add({ name: 'STAR', subjects: ['star.*.>'] });
  const rows: [prefix: string, stream: string | undefined][] = [
    ['vod.event', 'VOD_EVENTS'],
    ['vod.replay.x.event', 'VOD_REPLAYS'],
    ['star.event', 'STAR'],
    ['part.event', undefined],
    ['nobody', undefined],
  ];
  for (const [prefix, stream] of rows) t.equal(await streamTaking(client, prefix), stream, prefix);
});
