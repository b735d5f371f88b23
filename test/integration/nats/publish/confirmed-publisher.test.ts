import { setMaxListeners } from 'node:events';
import { connect, type StreamConfig } from 'nats';
import t from 'tap';
import type { Publication } from '../../../../src/nats/publish/publisher.js';
import { systemClock, type Clock } from '../../../../src/time.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { storedMessages } from '../../../support/stored-messages.js';
import { openStore } from '../../../support/open-store.js';

const users = [
  { user: 'all', password: 'x' },
  {
    user: 'blind',
    password: 'x',
    permissions: { publish: { deny: ['$JS.API.STREAM.MSG.GET.>'] } },
  },
];
const config = `accounts { A { jetstream: enabled, users: ${JSON.stringify(users)} } }`;
const server = await startNatsServer({ config });
const all = { type: 'user', user: 'all', password: 'x' } as const;
const client = await connect({ servers: server.url, user: 'all', pass: 'x' });
const manager = await client.jetstreamManager();
const neverAborted = new AbortController().signal;
setMaxListeners(0, neverAborted);
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});
const open = (clock: Clock = systemClock, auth: { type: 'user'; user: string; password: string } = all) =>
  openStore({ servers: [server.url], auth, manageStreams: false }, clock);

let streams = 0;

async function aStream(
  limits: Partial<StreamConfig> = {},
): Promise<{ stream: string; publication: (msgId: string, more?: Partial<Publication>) => Publication }> {
  const stream = `HELD_${++streams}`;
  const prefix = `held.${streams}`;
  await manager.streams.add({ name: stream, subjects: [`${prefix}.event.>`], ...limits });
  return {
    stream,
    publication: (msgId, more = {}) => ({
      subject: `${prefix}.event.x`,
      stream,
      msgId,
      body: `body of ${msgId}`,
      headers: {},
      ...more,
    }),
  };
}

async function idsIn(stream: string): Promise<unknown[]> {
  return (await storedMessages({ servers: server.url, user: 'all', pass: 'x' }, stream)).map(
    ({ headers }) => headers['Nats-Msg-Id'],
  );
}

const losses: [what: string, limits: Partial<StreamConfig>, lose: (stream: string) => Promise<unknown>][] = [
  ['was purged', {}, (stream) => manager.streams.purge(stream)],
  ['was removed', {}, (stream) => manager.streams.deleteMessage(stream, 1)],
  ['was removed and overwritten', {}, (stream) => manager.streams.deleteMessage(stream, 1, true)],
  ['max_msgs has trimmed', { max_msgs: 1 }, (stream) => fill(stream)],
  ['max_bytes has trimmed', { max_bytes: 500 }, (stream) => fill(stream)],
  ['max_msgs_per_subject has trimmed', { max_msgs_per_subject: 1 }, (stream) => fill(stream)],
];

async function fill(stream: string): Promise<void> {
  await client.jetstream().publish(`held.${stream.slice(5)}.event.x`, 'y'.repeat(350));
}

for (const [what, limits, lose] of losses) {
  t.test(`an event that ${what} is stored again, once, whoever publishes it`, async (t) => {
    await using first = await open();
    await using second = await open();
    const { stream, publication } = await aStream(limits);
    t.match(await first.store.publisher.publish(publication('a'), neverAborted), {
      seq: 1,
      duplicate: false,
    });
    await lose(stream);
    t.notOk((await idsIn(stream)).includes('a'));

    const again = await first.store.publisher.publish(publication('a'), neverAborted);
    t.equal(again.duplicate, false);
    t.same((await idsIn(stream)).filter(Boolean), ['a@1']);
    t.match(
      first.reports.filter(([name]) => name === 'duplicateAbsent'),
      [['duplicateAbsent', stream, 'a', 1]],
    );
    const third = await second.store.publisher.publish(publication('a'), neverAborted);
    t.same(third, { ...third, seq: again.seq, duplicate: true });
    t.same((await idsIn(stream)).filter(Boolean), ['a@1'], 'another replica comes to the same id');
  });
}

t.test('an event that is lost again and again is stored again each time', async (t) => {
  await using opened = await open();
  const { stream, publication } = await aStream();
  for (const id of ['a', 'a@1', 'a@1@2', 'a@1@2@3']) {
    t.match(await opened.store.publisher.publish(publication('a'), neverAborted), { duplicate: false });
    t.same(await idsIn(stream), [id]);
    await manager.streams.purge(stream);
  }
});

t.test('what may not be looked at counts as stored, and that is told', async (t) => {
  await using opened = await open(systemClock, { type: 'user', user: 'blind', password: 'x' });
  const { stream, publication } = await aStream();
  await opened.store.publisher.publish(publication('a'), neverAborted);
  t.match(await opened.store.publisher.publish(publication('a'), neverAborted), { seq: 1, duplicate: true });
  t.match(
    opened.reports.filter(([name]) => name === 'duplicateUnseen'),
    [['duplicateUnseen', stream, /Permissions Violation/]],
  );
});

/** Twenty times as fast as the system's. */
const fast: Clock = {
  now: () => systemClock.now(),
  monotonicMs: () => systemClock.monotonicMs() * 20,
  after: (delayMs, run) => systemClock.after(delayMs / 20, run),
};

t.test('a publication that is called a duplicate of nothing', async (t) => {
  /** Answers as a leader does that has proposed the id, and has no word from the others. */
  const answerZero = (subject: string, stream: string, ids: string[]) =>
    client.subscribe(subject, {
      callback: (_error, message) => {
        const id = message.headers?.get('Nats-Msg-Id') ?? '';
        ids.push(id);
        if (!id.includes('@')) message.respond(JSON.stringify({ stream, seq: 0, duplicate: true }));
        else message.respond(JSON.stringify({ stream, seq: 7 }));
      },
    });

  await t.test('is published under another id when the stream has not got it', async (t) => {
    await using opened = await open(fast);
    const { stream, publication } = await aStream();
    const ids: string[] = [];
    const answering = answerZero('held.zero.a', stream, ids);
    const ack = await opened.store.publisher.publish(
      publication('a', { subject: 'held.zero.a' }),
      neverAborted,
    );
    answering.unsubscribe();
    t.match(ack, { seq: 7, duplicate: false });
    t.match(
      opened.reports.filter(([name]) => name === 'duplicateAbsent'),
      [['duplicateAbsent', stream, 'a', 0]],
    );
    t.equal(ids.at(-1), 'a@0');
    t.ok(ids.filter((id) => id === 'a').length > 3, 'after the same id was tried');
  });

  await t.test('counts once the stream has it', async (t) => {
    await using opened = await open(fast);
    const { stream, publication } = await aStream();
    const wanted = publication('a');
    await opened.store.publisher.publish(wanted, neverAborted);
    // The stream hears of nothing more: only the answer above arrives.
    await manager.streams.update(stream, { subjects: [`${wanted.subject}.no-more`] });
    const ids: string[] = [];
    const answering = answerZero(wanted.subject, stream, ids);
    t.same(await opened.store.publisher.publish(wanted, neverAborted), { seq: 1, duplicate: true });
    t.ok(ids.length > 3, 'never at its word');
    answering.unsubscribe();
    t.same(await idsIn(stream), ['a']);
  });
});
