import { connect, headers as createHeaders } from 'nats';
import t from 'tap';
import type { StoredMessage, StreamReader } from '../../../../src/nats/streams/reader.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { until } from '../../../support/until.js';
import { openStore } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
const manager = await client.jetstreamManager();
const opened = await openStore({ servers: [server.url] });
const reader = opened.store.reader();
const neverAborted = new AbortController().signal;
t.teardown(async () => {
  await opened[Symbol.asyncDispose]();
  await client.close();
  await server[Symbol.asyncDispose]();
});

t.test('reads a stream in its order, with everything that a message has', async (t) => {
  await manager.streams.add({ name: 'ALL', subjects: ['all.>'] });
  const headers = createHeaders();
  headers.set('Dead-Letter-Code', 'not-json');
  headers.append('Twice', 'first');
  headers.append('Twice', 'second');
  await client.jetstream().publish('all.one', Buffer.from([0, 255, 10]), { headers, msgID: 'M1' });
  await client.jetstream().publish('all.two');
  const [one, two, ...more] = await take(reader.read({ stream: 'ALL' }, neverAborted));
  t.same(more, []);
  t.match(one, { seq: 1, subject: 'all.one' });
  t.same(one?.headers, { 'Dead-Letter-Code': 'not-json', Twice: 'first', 'Nats-Msg-Id': 'M1' });
  t.same(Buffer.from(one?.body ?? []), Buffer.from([0, 255, 10]));
  const { time } = await manager.streams.getMessage('ALL', { seq: 1 });
  t.equal(one?.storedAtMs, time.getTime(), 'the server’s time, in milliseconds');
  t.match(two, { seq: 2, subject: 'all.two', headers: {} });
  t.equal(two?.body.length, 0);
  t.same(plain(await reader.get('ALL', 1, neverAborted)), plain(one), 'and so does a single look');
  t.same(plain(await reader.get('ALL', 2, neverAborted)), plain(two));
});

t.test('begins and ends where it is told', async (t) => {
  await fill('SOME', 20);
  const someStoredAtMs = await untilALaterMillisecond('SOME');
  await store('some.even', 2);
  const seqs = async (options: object): Promise<number[]> =>
    (await take(reader.read({ stream: 'SOME', ...options }, neverAborted))).map(({ seq }) => seq);
  const rows: [what: string, options: object, wanted: number[]][] = [
    ['a sequence number', { startSeq: 19 }, [19, 20, 21, 22]],
    ['a subject', { filterSubject: 'some.even', startSeq: 15 }, [16, 18, 20, 21, 22]],
    ['a subject with a wildcard', { filterSubject: 'some.*', startSeq: 20 }, [20, 21, 22]],
    ['a subject that nothing has', { filterSubject: 'some.other' }, []],
    ['a time', { startTimeMs: someStoredAtMs }, [21, 22]],
    ['a time and a subject', { startTimeMs: someStoredAtMs, filterSubject: 'some.odd' }, []],
    ['a time before everything', { startTimeMs: 0, filterSubject: 'some.odd' }, odd(20)],
    ['a time after everything', { startTimeMs: someStoredAtMs + 3_600_000 }, []],
    ['a sequence number after everything', { startSeq: 23 }, []],
    ['both: the number counts', { startSeq: 22, startTimeMs: 0 }, [22]],
    ['zero', { startSeq: 0, filterSubject: 'some.odd' }, odd(20)],
  ];
  for (const [what, options, wanted] of rows) t.same(await seqs(options), wanted, what);
});

t.test('ends where the stream ended at the first step, and passes what is no longer there', async (t) => {
  await fill('GROWS', 1_000);
  const seen: number[] = [];
  for await (const { seq } of reader.read({ stream: 'GROWS' }, neverAborted)) {
    if (seen.length === 0) {
      await store('grows.later', 300);
      await reader.remove('GROWS', 900, neverAborted);
    }
    seen.push(seq);
    t.equal(await reader.remove('GROWS', seq, neverAborted), true);
  }
  t.same(
    seen,
    Array.from({ length: 1_000 }, (_, at) => at + 1).filter((seq) => seq !== 900),
  );
  t.same(await reader.state('GROWS', neverAborted), { messages: 300, lastSeq: 1_300, hasQuorum: true });
  await manager.streams.purge('GROWS');
  t.same(await take(reader.read({ stream: 'GROWS' }, neverAborted)), [], 'an emptied stream has no messages');
});

t.test('goes on with the next message', async (t) => {
  await fill('LONG', 1_200);
  const all = Array.from({ length: 1_200 }, (_, at) => at + 1);

  await t.test('after the server has removed the consumer of a slow caller', async (t) => {
    const seen: number[] = [];
    for await (const { seq } of reader.read({ stream: 'LONG' }, neverAborted)) {
      if (seq % 400 === 1) await removeConsumers('LONG');
      seen.push(seq);
    }
    t.same(seen, all);
  });

  await t.test('after NATS was gone for a while', async (t) => {
    const seen: number[] = [];
    for await (const { seq } of reader.read({ stream: 'LONG' }, neverAborted)) {
      if (seq === 300) {
        await server.kill();
        await until(() => opened.reports.some(([name]) => name === 'disconnected'), {
          what: 'it is noticed',
        });
        void server.restart();
      }
      seen.push(seq);
    }
    t.same(seen, all);
  });

  await t.test('also when the caller looks and deletes while NATS is gone', async (t) => {
    await server.kill();
    const looks = [
      reader.get('LONG', 7, neverAborted),
      reader.nextOnSubject('LONG', 7, 'long.even', neverAborted),
      reader.remove('LONG', 1_200, neverAborted),
      reader.state('LONG', neverAborted),
    ] as const;
    await server.restart();
    const [got, next, removed] = await Promise.all(looks);
    t.same([got?.seq, next?.seq, removed], [7, 8, true]);
  });
});

t.test('leaves no consumer behind, wherever the caller stops', async (t) => {
  await fill('LEFT', 600);
  for (const stopAt of [1, 250, 251, 600]) {
    for await (const { seq } of reader.read({ stream: 'LEFT' }, neverAborted)) if (seq === stopAt) break;
  }
  await until(async () => (await manager.streams.info('LEFT')).state.consumer_count === 0, {
    what: 'no consumer is left',
  });
  t.pass();
});

t.test('ends with the reason of its signal', async (t) => {
  await fill('ABORTED', 10);
  const abort = new AbortController();
  const reading = async (): Promise<void> => {
    for await (const { seq } of reader.read({ stream: 'ABORTED' }, abort.signal)) {
      if (seq === 10) abort.abort(new Error('enough'));
    }
    for await (const _ of reader.read({ stream: 'ABORTED' }, abort.signal)) t.fail('read after the abort');
  };
  await t.rejects(reading(), { message: 'enough' });
  await t.rejects(reader.get('ABORTED', 1, abort.signal), { message: 'enough' });

  server.pause();
  const late = new AbortController();
  const looks = [
    reader.get('ABORTED', 1, late.signal),
    take(reader.read({ stream: 'ABORTED' }, late.signal)),
  ].map((look) => look.catch((error: unknown) => (error as Error).message));
  late.abort(new Error('too late'));
  t.same(await Promise.all(looks), ['too late', 'too late'], 'also when NATS does not answer');
  server.resume();
});

t.test('looks', async (t) => {
  await fill('LOOKS', 10);
  await reader.remove('LOOKS', 4, neverAborted);
  const on = async (seq: number, subject: string): Promise<number | undefined> =>
    (await reader.nextOnSubject('LOOKS', seq, subject, neverAborted))?.seq;
  t.equal(await on(1, 'looks.even'), 2);
  t.equal(await on(3, 'looks.even'), 6, 'not one that was deleted');
  t.equal(await on(10, 'looks.odd'), undefined);
  t.equal(await on(5, 'looks.*'), 5);
  t.equal(await on(11, 'looks.even'), undefined);
  t.equal(await reader.get('LOOKS', 4, neverAborted), undefined);
  t.equal(await reader.get('LOOKS', 99, neverAborted), undefined);
  t.equal(await reader.remove('LOOKS', 4, neverAborted), false);
  t.equal(await reader.remove('LOOKS', 99, neverAborted), false);
  t.same(await reader.state('LOOKS', neverAborted), { messages: 9, lastSeq: 10, hasQuorum: true });
});

t.test('says which stream is not there', async (t) => {
  const wanted = { message: 'there is no stream NONE in NATS' };
  await t.rejects(reader.state('NONE', neverAborted), wanted);
  await t.rejects(reader.get('NONE', 1, neverAborted), wanted);
  await t.rejects(reader.remove('NONE', 1, neverAborted), wanted);
  await t.rejects(take(reader.read({ stream: 'NONE' }, neverAborted)), wanted);
});

/** A stream of its name in lower case with messages on `.odd` and `.even`, as their sequence numbers are. */
async function fill(name: string, messages: number): Promise<void> {
  const base = name.toLowerCase();
  await manager.streams.add({ name, subjects: [`${base}.>`] });
  for (let seq = 1; seq <= messages; seq++)
    client.publish(`${base}.${seq % 2 === 0 ? 'even' : 'odd'}`, `${seq}`);
  await until(async () => (await manager.streams.info(name)).state.last_seq === messages, {
    what: 'all is stored',
  });
}

async function store(subject: string, messages: number): Promise<void> {
  for (let at = 0; at < messages; at++) await client.jetstream().publish(subject);
}

/** A time after the last message was stored, and before whatever is stored next. */
async function untilALaterMillisecond(name: string): Promise<number> {
  const { state } = await manager.streams.info(name);
  const laterMs = Date.parse(state.last_ts) + 1;
  const sinceMs = performance.now();
  await until(() => performance.now() > sinceMs + 2, { what: 'the server’s clock moves on' });
  return laterMs;
}

async function removeConsumers(stream: string): Promise<void> {
  for await (const { name } of manager.consumers.list(stream)) await manager.consumers.delete(stream, name);
}

async function take(messages: ReturnType<StreamReader['read']>): Promise<StoredMessage[]> {
  const taken = [];
  for await (const message of messages) taken.push(message);
  return taken;
}

/** Two ways of reading give two kinds of byte array. */
function plain(message: StoredMessage | undefined): object | undefined {
  return message && { ...message, body: Buffer.from(message.body).toString('hex') };
}

function odd(to: number): number[] {
  return Array.from({ length: to }, (_, at) => at + 1).filter((number) => number % 2 === 1);
}
