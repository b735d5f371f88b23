import { connect } from 'nats';
import t from 'tap';
import { PermitAbsence } from '../../../../src/nats/permits/absence.js';
import type { Permit, Permits } from '../../../../src/nats/permits/permits.js';
import { systemClock, type Clock } from '../../../../src/time.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { startTcpProxy } from '../../../support/tcp-proxy.js';
import { until } from '../../../support/until.js';
import { openStore, type OpenStore } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const manager = await client.jetstreamManager();
const neverAborted = new AbortController().signal;
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

let prefixes = 0;

t.test('three replicas begin no more calls in any second than the rate', async (t) => {
  const perSecond = 5;
  const prefix = aPrefix();
  const beganMs: number[] = [];
  const replicas = await Promise.all([1, 2, 3].map(() => aReplica(perSecond, { prefix })));
  const callers = replicas.map(async ({ permits }) => {
    while (beganMs.length < 4 * perSecond) {
      const permit = await permits.acquire('orphan', neverAborted);
      if (permit.begin()) beganMs.push(performance.now());
    }
  });
  await Promise.all(callers);
  const inSecondAfter = (fromMs: number): number =>
    beganMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1_000).length;
  t.ok(Math.max(...beganMs.map(inSecondAfter)) <= perSecond, beganMs.join(' '));
  await closeAll(replicas);
});

t.test('orphans come before verifications, each in their order, and the aborted leave', async (t) => {
  await using replica = await aReplica(1);
  const served: string[] = [];
  const gone = new AbortController();
  const wait = async (name: string, priority: 'orphan' | 'verify', signal = neverAborted): Promise<void> => {
    (await replica.permits.acquire(priority, signal)).unused();
    served.push(name);
  };
  const waiting = [
    wait('verify 1', 'verify'),
    wait('verify 2', 'verify'),
    t.rejects(wait('aborted', 'orphan', gone.signal), /gone/),
    wait('orphan 1', 'orphan'),
    wait('orphan 2', 'orphan'),
  ];
  gone.abort(new Error('gone'));
  await Promise.all(waiting);
  t.same(served, ['orphan 1', 'orphan 2', 'verify 1', 'verify 2']);
  await t.rejects(replica.permits.acquire('orphan', gone.signal), /gone/);
});

t.test('a permit that comes for nobody is given back', async (t) => {
  const prefix = aPrefix();
  await using replica = await aReplica(1, { prefix });
  await using other = await aReplica(1, { prefix });
  const words = listen(prefix);
  const held = await replica.permits.acquire('orphan', neverAborted);
  const gone = new AbortController();
  const leaving = t.rejects(replica.permits.acquire('orphan', gone.signal), /gone/);
  await requested(replica);
  gone.abort(new Error('gone'));
  await leaving;
  held.unused();
  await until(() => words().filter((word) => word.startsWith('-NAK')).length === 2, {
    what: 'it is given back',
  });
  t.ok((await other.permits.acquire('orphan', neverAborted)).begin(), 'and usable elsewhere');
});

t.test('a permit that is too old, or of a connection that was lost, cannot be used', async (t) => {
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  await using proxy = await startTcpProxy(server);
  await using replica = await aReplica(2, { clock, url: `nats://127.0.0.1:${proxy.port}` });
  const words = listen(replica.prefix);
  const old = await replica.permits.acquire('orphan', neverAborted);
  aheadMs += 900;
  t.equal(old.begin(), false);
  old.unused();
  const lost = await replica.permits.acquire('orphan', neverAborted);
  proxy.resetConnections();
  await until(() => replica.opened.reports.some(([name]) => name === 'reconnected'), { what: 'it is back' });
  t.equal(lost.begin(), false);
  lost.unused();
  t.ok((await replica.permits.acquire('orphan', neverAborted)).begin());
  await until(() => words().includes('+WPI'), { what: 'the server knows' });
  t.same(words(), ['+WPI'], 'nothing is said of a permit that may be with another replica');
});

t.test(
  'a refused permit stays away; the next refusal in a row, on whatever replica, for longer',
  async (t) => {
    const prefix = aPrefix();
    // In a round of 100 s, the one permit comes back at its start, which is 60 s ahead.
    const clock: Clock = { ...systemClock, now: () => 40_000 };
    await using first = await aReplica(1, { prefix, clock });
    await using second = await aReplica(1, { prefix, clock });
    const permit = await begun(first);
    const refusedMs = performance.now();
    const awayMs = permit.throttled();
    t.ok(awayMs >= 1_500 && awayMs <= 2_500, `${awayMs} ms`);
    const again = await begun(second);
    t.ok(performance.now() - refusedMs > awayMs - 20, 'it was away meanwhile');
    t.equal(again.throttled(), 60_000);
    t.same(slowed(second.opened), [['permitsSlowed', 'account', 60_000]]);
    t.same(slowed(first.opened), []);
  },
);

t.test('the stream holds as many permits as the rate says, lowered and raised at run time', async (t) => {
  const prefix = aPrefix();
  for (const perSecond of [3, 1, 4]) {
    await using replica = await aReplica(perSecond, { prefix });
    (await begun(replica)).unused();
    const wanted = Array.from({ length: perSecond }, (_, index) => `${prefix}.permit.account.${index + 1}`);
    t.same(await subjectsOf(prefix), wanted);
    const permits = await Promise.all(wanted.map(() => replica.permits.acquire('orphan', neverAborted)));
    t.equal(permits.length, perSecond, 'and each can be had');
  }
});

t.test('mends what someone removes', async (t) => {
  const prefix = aPrefix();
  // Looks once in 50 ms, in place of once a minute.
  const after: Clock['after'] = (delayMs, run) => systemClock.after(delayMs === 60_000 ? 50 : delayMs, run);
  await using replica = await aReplica(2, { prefix, clock: { ...systemClock, after } });
  (await begun(replica)).unused();
  const stream = streamOf(prefix);

  await manager.streams.purge(stream);
  t.ok(await begun(replica), 'the permits');
  await until(async () => (await subjectsOf(prefix)).length === 2, { what: 'all are there again' });
  await manager.consumers.delete(stream, 'permits-account');
  t.ok(await begun(replica), 'the consumer');
  await manager.streams.delete(stream);
  t.ok(await begun(replica), 'the stream');
  t.match((await manager.streams.info(stream)).config, { max_msgs_per_subject: 1, max_age: 0 });
});

t.test('whatever somebody deletes, replicas begin no more calls in any second than the rate', async (t) => {
  const perSecond = 5;
  const prefix = aPrefix();
  const after: Clock['after'] = (delayMs, run) => systemClock.after(delayMs === 60_000 ? 50 : delayMs, run);
  const replicas = await Promise.all(
    [1, 2].map(() => aReplica(perSecond, { prefix, clock: { ...systemClock, after } })),
  );
  const stream = streamOf(prefix);
  const beganMs: number[] = [];
  const stop = new AbortController();
  const callers = replicas.map(async ({ permits }) => {
    while (!stop.signal.aborted) {
      const permit = await permits.acquire('orphan', stop.signal).catch(() => undefined);
      if (permit?.begin()) beganMs.push(performance.now());
    }
  });
  const moreCalls = async (): Promise<void> => {
    const wanted = beganMs.length + 2 * perSecond;
    await until(() => beganMs.length >= wanted, { what: 'calls go on', everyMs: 1, timeoutMs: 60_000 });
  };
  await moreCalls();
  await manager.consumers.delete(stream, 'permits-account');
  await moreCalls();
  await manager.streams.purge(stream);
  await moreCalls();
  await manager.streams.delete(stream);
  await moreCalls();
  stop.abort(new Error('stopped'));
  await Promise.all(callers);
  const inSecondAfter = (fromMs: number): number =>
    beganMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1_000).length;
  t.ok(Math.max(...beganMs.map(inSecondAfter)) <= perSecond, beganMs.map(Math.round).join(' '));
  await closeAll(replicas);
});

t.test(
  'a refusal of another replica, whatever it says, holds for a round and a permit that there is',
  async (t) => {
    const time = new Time();
    const absence = new PermitAbsence(10, time);
    for (const backAtMs of [1e308, 8 * 86_400_000, Infinity, NaN, -1])
      absence.note({ permit: 1, deliveries: 1, backAtMs });
    absence.note({ permit: 11, deliveries: 1, backAtMs: 1 });
    time.atMs = 100_000 + 10_000;
    t.equal(absence.isOver(), true);
  },
);

t.test('waits for a stream that is someone else’s to create, and says so', async (t) => {
  await using replica = await aReplica(1, { manageStreams: false });
  const acquiring = begun(replica);
  const failures = (): unknown[] => replica.opened.reports.filter(([name]) => name === 'permitsFailed');
  await until(() => failures().length > 1, { what: 'it is reported' });
  const stream = streamOf(replica.prefix);
  t.match(failures()[0], ['permitsFailed', 'account', `there is no stream ${stream}`, Number]);
  await manager.streams.add({
    name: stream,
    subjects: [`${replica.prefix}.permit.>`],
    max_msgs_per_subject: 1,
  });
  await until(() => replica.opened.reports.at(-1)?.[2] === 'consumer not found', {
    what: 'the next is missed',
  });
  await using manages = await aReplica(1, { prefix: replica.prefix });
  (await begun(manages)).unused();
  t.ok(await acquiring);
});

t.test('sends those who wait away when it is closed', async (t) => {
  const replica = await aReplica(1);
  await begun(replica);
  const waiting = t.rejects(replica.permits.acquire('verify', neverAborted), /the permits are closed/);
  replica.permits.close();
  await waiting;
  await t.rejects(replica.permits.acquire('orphan', neverAborted), /the permits are closed/);
  await replica[Symbol.asyncDispose]();
});

t.test('how long a refused permit stays away', async (t) => {
  const half = (): number => 0.5;

  await t.test('two seconds for a refusal now and then', (t) => {
    const time = new Time();
    const absence = new PermitAbsence(10, time);
    for (const deliveries of [5, 20, 23]) {
      const { awayMs, refusal } = absence.refuse(3, deliveries, half);
      absence.note(refusal);
      t.equal(awayMs, 2_000);
      time.atMs += 5_000;
    }
    time.atMs = 1e9;
    t.equal(absence.isOver(), false);
    t.end();
  });

  await t.test('until the time of its number when it is refused in a row, or another just came back', (t) => {
    const time = new Time();
    const absence = new PermitAbsence(10, time);
    const refuseAt = (atMs: number, permit: number, deliveries: number) => {
      time.atMs = atMs;
      return absence.refuse(permit, deliveries, half);
    };
    const isOverAt = (atMs: number): boolean => {
      time.atMs = atMs;
      return absence.isOver();
    };
    absence.note(refuseAt(0, 3, 5).refusal);
    const inARow = refuseAt(2_000, 3, 6);
    t.equal(inARow.awayMs, 18_000, 'permit 3 of 10 comes back 20 s into the round');
    absence.note(inARow.refusal);
    t.equal(refuseAt(19_999, 7, 9).awayMs, 2_000, 'nothing came back yet');
    t.equal(refuseAt(20_500, 7, 9).awayMs, 39_500, 'one too many came back');
    t.equal(refuseAt(24_100, 7, 9).awayMs, 2_000, 'long ago');
    t.equal(isOverAt(29_999), false);
    t.equal(isOverAt(30_000), true);
    t.equal(isOverAt(30_000), false, 'said once');
    t.end();
  });

  await t.test(
    'so that few calls are refused while the quota is cut, and all permits are back after',
    (t) => {
      const { refused, accepted } = simulate({ perSecond: 10, quotaUntil: { 60: 10, 300: 4, 460: 10 } });
      const between = (times: number[], from: number, to: number): number =>
        times.filter((atMs) => atMs >= from * 1_000 && atMs < to * 1_000).length;
      t.equal(between(refused, 0, 60), 0);
      t.ok(between(refused, 70, 300) / between(accepted, 70, 300) < 0.05, 'after ten seconds');
      for (let from = 70; from < 290; from++) {
        const share = between(refused, from, from + 10) / between([...accepted, ...refused], from, from + 10);
        if (share >= 0.1) t.fail(`${share} of the calls in the ten seconds from ${from} s`);
      }
      t.ok(between(accepted, 70, 300) / 230 > 0.75 * 4, 'the lower quota is used');
      t.ok(
        between(accepted, 410, 460) > 0.99 * between(accepted, 5, 55),
        'the rate is as before after 110 s',
      );
      t.end();
    },
  );

  await t.test('so that one refusal in a hundred costs less than a tenth of the rate', (t) => {
    const quotaUntil = { 1_000: 10 };
    const usual = simulate({ perSecond: 10, quotaUntil }).accepted.length;
    const noisy = simulate({ perSecond: 10, quotaUntil, refuseEvery: 101 }).accepted.length;
    t.ok(noisy > 0.9 * usual, `${noisy} of ${usual}`);
    t.end();
  });
});

/** Both clocks at once. */
class Time {
  atMs = 0;
  now = (): number => this.atMs;
  monotonicMs = (): number => this.atMs;
}

/** Permits that are all in use all the time, against a quota in any second, in time of its own. */
function simulate({
  perSecond,
  quotaUntil,
  refuseEvery = Infinity,
}: {
  perSecond: number;
  quotaUntil: Record<number, number>;
  refuseEvery?: number;
}): { accepted: number[]; refused: number[] } {
  let state = 1;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const time = new Time();
  const absence = new PermitAbsence(perSecond, time);
  const permits = Array.from({ length: perSecond }, (_, index) => {
    return { number: index + 1, deliveries: 0, dueMs: random() * 1_100 };
  });
  const accepted: number[] = [];
  const refused: number[] = [];
  for (;;) {
    const permit = permits.reduce((first, each) => (each.dueMs < first.dueMs ? each : first));
    const nowMs = permit.dueMs;
    time.atMs = nowMs;
    const quota = Object.entries(quotaUntil).find(([until]) => nowMs < Number(until) * 1_000)?.[1];
    if (quota === undefined) return { accepted, refused };
    permit.deliveries++;
    const inUse = accepted.slice(-perSecond).filter((atMs) => atMs > nowMs - 1_000).length;
    if (inUse < quota && (accepted.length + refused.length) % refuseEvery !== refuseEvery - 1) {
      accepted.push(nowMs);
      permit.dueMs = nowMs + 1_100;
    } else {
      refused.push(nowMs);
      const { awayMs, refusal } = absence.refuse(permit.number, permit.deliveries, random);
      absence.note(refusal);
      permit.dueMs = nowMs + awayMs;
    }
  }
}

interface Replica extends AsyncDisposable {
  opened: OpenStore;
  prefix: string;
  permits: Permits;
}

interface ReplicaOptions {
  prefix?: string;
  clock?: Clock;
  url?: string;
  manageStreams?: boolean;
}

async function aReplica(perSecond: number, options: ReplicaOptions = {}): Promise<Replica> {
  const { prefix = aPrefix(), clock, url = server.url, manageStreams = true } = options;
  const opened = await openStore({ servers: [url], prefix, manageStreams }, clock);
  const permits = opened.store.permits('account', perSecond);
  return {
    opened,
    prefix,
    permits,
    async [Symbol.asyncDispose]() {
      permits.close();
      await opened[Symbol.asyncDispose]();
    },
  };
}

async function closeAll(replicas: readonly Replica[]): Promise<void> {
  await Promise.all(replicas.map((each) => each[Symbol.asyncDispose]()));
}

async function begun({ permits }: Replica): Promise<Permit> {
  for (;;) {
    const permit = await permits.acquire('orphan', neverAborted);
    if (permit.begin()) return permit;
  }
}

/** Resolves when the server has the request for a permit. */
async function requested({ prefix }: Replica): Promise<void> {
  await until(
    async () => (await manager.consumers.info(streamOf(prefix), 'permits-account')).num_waiting > 0,
    { what: 'a permit is asked for' },
  );
}

/** The messages about permits from now on, except those that come for the first time. */
function listen(prefix: string): () => string[] {
  const words: string[] = [];
  client.subscribe(`$JS.ACK.${streamOf(prefix)}.>`, {
    callback: (_error, message) => words.push(message.string()),
  });
  return () => words.filter((word) => !word.includes('2050000000'));
}

function slowed({ reports }: OpenStore): unknown[] {
  return reports.filter(([name]) => name === 'permitsSlowed');
}

async function subjectsOf(prefix: string): Promise<string[]> {
  const { state } = await manager.streams.info(streamOf(prefix), { subjects_filter: '>' });
  return Object.keys(state.subjects ?? {}).toSorted();
}

function streamOf(prefix: string): string {
  return `${prefix.toUpperCase()}_PERMITS`;
}

function aPrefix(): string {
  return `r${++prefixes}`;
}
