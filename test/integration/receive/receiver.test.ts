import t, { type Test } from 'tap';
import { StoreGate } from '../../../src/nats/publish/store-gate.js';
import type { Lease } from '../../../src/receive/lease.js';
import { MnsClient } from '../../../src/receive/mns-client.js';
import { ownCodes } from '../../../src/receive/mns-error.js';
import { Queue, type Delivery } from '../../../src/receive/queue.js';
import { ByteBudget } from '../../../src/receive/byte-budget.js';
import { Receiver, type ReceiverOptions } from '../../../src/receive/receiver.js';
import type { QueueSpec } from '../../../src/sandbox/control/types.js';
import { manualClock, type ManualClock } from '../../support/manual-clock.js';
import { never, openQueue } from '../../contract/mns-sandbox.js';
import { failure, settled } from '../../unit/receive/memory-queue.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { until } from '../../support/until.js';

interface OpenOptions {
  receive?: Partial<ReceiverOptions['receive']>;
  /** The handling of each message; default: acked at once. */
  handle?: (lease: Lease) => Promise<unknown>;
  spec?: Partial<QueueSpec>;
  /** Puts a proxy between the receiver and the sandbox. */
  proxied?: boolean;
  budget?: ByteBudget;
}

/** A receiver of a sandbox queue; both live on one clock, which only the test moves. */
async function open(test: Test, options: OpenOptions = {}) {
  const { receive = {}, handle, spec, proxied = false, budget = new ByteBudget(1_000_000_000) } = options;
  const clock = manualClock(Date.now());
  const { sandbox, queue, credentials, state } = await openQueue(test, {
    sandbox: { clock, queues: [{ name: 'orders', visibilityMs: 30_000, ...spec }] },
  });
  const proxy = await startTcpProxy({ port: sandbox.port });
  test.teardown(() => proxy.close());
  const client = new MnsClient({
    endpoint: proxied ? `http://127.0.0.1:${proxy.port}` : sandbox.url,
    account: sandbox.accountId,
    credentials,
    clock,
  });
  const gate = new StoreGate(() => undefined);
  const told = {
    answers: 0,
    received: 0,
    failed: [] as number[],
    recovered: [] as number[],
    early: [] as number[],
    ackFailed: 0,
  };
  const receiver = new Receiver({
    budget,
    queue: new Queue('orders', client),
    visibilityMs: 30_000,
    receive: {
      batch: 16,
      waitMs: 20_000,
      maxInFlight: 400,
      maxLeaseMs: 600_000,
      pollers: { min: 1, max: 8 },
      ...receive,
    },
    ack: { batch: 16, lingerMs: 0 },
    gate,
    clock,
    events: {
      received: (_queue, messages) => {
        told.answers++;
        told.received += messages;
      },
      receiveFailed: (_queue, _error, retryInMs) => told.failed.push(retryInMs),
      receiveRecovered: (_queue, failures) => told.recovered.push(failures),
      pollEndedEarly: (_queue, retryInMs) => told.early.push(retryInMs),
      ackFailed: () => told.ackFailed++,
    },
    handle: handle ?? ((lease) => lease.ack()),
  });
  test.teardown(async () => {
    receiver.interrupt('abandon');
    await receiver.stop();
    await receiver.close();
  });
  const feed = (count: number): string[] =>
    sandbox.actions.feed(
      'orders',
      Array.from({ length: count }, (_, n) => ({ body: `{"n":${n}}` })),
    );
  const requests = (): number =>
    Object.values(state().requests['BatchReceive'] ?? {}).reduce((sum, count) => sum + count, 0);
  /** Waits without moving the clock: only what is due already may run. */
  const happens = async (probe: () => unknown, what: string): Promise<void> => {
    await until(
      () => {
        clock.advance(0);
        return Boolean(probe());
      },
      { what, everyMs: 1 },
    );
  };
  const polls = async (count: number): Promise<void> => {
    await happens(() => state().openPolls === count, `${count} polls wait at the server`);
  };
  /** Moves the clock bit by bit until something has happened. */
  const movingUntil = async (probe: () => boolean, what: string): Promise<void> => {
    await until(
      () => {
        if (!probe()) clock.advance(50);
        return probe();
      },
      { what, everyMs: 1 },
    );
  };
  return {
    clock,
    sandbox,
    queue,
    state,
    gate,
    told,
    receiver,
    proxy,
    feed,
    requests,
    polls,
    happens,
    movingUntil,
  };
}

/** Holds every message until the test lets it go. */
function holder() {
  const waiting: (() => void)[] = [];
  return {
    waiting,
    handle: async (lease: Lease): Promise<void> => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      await lease.ack();
    },
    letGo: (count = Infinity): void => {
      for (const go of waiting.splice(0, count)) go();
    },
  };
}

t.test(
  'pollers grow while batches come back full and shrink to the least when they come back empty',
  async (t) => {
    for (const pollers of [
      { min: 1, max: 8 },
      { min: 2, max: 4 },
      { min: 3, max: 3 },
    ]) {
      const { clock, feed, polls, receiver, state, told, happens } = await open(t, { receive: { pollers } });
      feed(1_600);
      receiver.start();
      await polls(pollers.max);
      t.equal(told.received, 1_600);
      await happens(() => state().deleted === 1_600, 'all are deleted');
      clock.advance(20_000);
      await polls(pollers.min);
      clock.advance(20_000);
      await polls(pollers.min);
      feed(1);
      await happens(() => state().deleted === 1_601, 'the next message is received and deleted');
      t.equal(told.early.length + told.failed.length, 0);
    }
  },
);

t.test(
  'invariant 6: no more is in flight than may be, whatever the order in which messages end',
  async (t) => {
    const { handle, waiting, letGo } = holder();
    const { feed, receiver, state, told, happens } = await open(t, { receive: { maxInFlight: 40 }, handle });
    feed(300);
    receiver.start();
    let most = 0;
    for (let round = 0; told.received < 300; round++) {
      const full = () => waiting.length === 40 || told.received === 300;
      await happens(() => {
        most = Math.max(most, receiver.inFlight, state().inactive);
        return full();
      }, 'the receiver is full');
      letGo(1 + (round % 7) * 3);
    }
    t.equal(most, 40);
    while (receiver.inFlight > 0) {
      letGo();
      await happens(() => waiting.length > 0 || receiver.inFlight === 0, 'the rest ends');
    }
    await happens(() => state().deleted === 300, 'all are deleted');
    t.equal(state().received, 300, 'each was received once');
  },
);

t.test(
  'invariant 6: nothing is asked for while the gate is closed, and polls under way end by themselves',
  async (t) => {
    const { feed, gate, polls, receiver, requests, state, told, clock, happens, movingUntil } = await open(t);
    gate.close('no store');
    feed(1);
    receiver.start();
    clock.advance(60_000);
    t.equal(requests(), 0);
    gate.open();
    await happens(() => state().deleted === 1, 'the message is received and deleted');
    await polls(1);
    for (let round = 0; round < 5; round++) {
      gate.close('no store');
      await polls(1);
      const { answers } = told;
      await movingUntil(() => told.answers > answers, 'the poll ends by itself');
      const before = requests();
      feed(1);
      clock.advance(60_000);
      t.equal(state().active, 1);
      t.equal(requests(), before);
      gate.open();
      await movingUntil(() => state().deleted === 2 + round, 'it is received once the gate opens');
      await polls(1);
    }
    t.same(told.failed, [], 'none of this is a failure');
  },
);

t.test('a gate that closes cuts no poll: what it was about to bring is received once', async (t) => {
  const { feed, gate, receiver, state, polls, movingUntil } = await open(t);
  receiver.start();
  await polls(1);
  feed(4);
  gate.close('no store');
  gate.open();
  await movingUntil(() => state().deleted === 4, 'all are deleted in the end');
  t.equal(state().received, 4);
});

t.test('polls that end early and empty become fewer and fewer', async (t) => {
  const { clock, feed, movingUntil, polls, receiver, requests, sandbox, state, told, happens } =
    await open(t);
  sandbox.actions.setFaults([{ kind: 'early-empty-poll' }]);
  receiver.start();
  await movingUntil(() => told.early.length >= 8, '8 back-offs');
  t.equal(told.early.length, 8);
  t.equal(requests(), 8, 'one request for each back-off');
  for (const [n, retryInMs] of told.early.entries()) {
    const ceilingMs = Math.min(30_000, 500 * 2 ** n);
    t.ok(retryInMs >= ceilingMs / 2 && retryInMs <= ceilingMs, `${retryInMs} of ${ceilingMs} ms`);
  }
  sandbox.actions.clearFaults();
  await movingUntil(() => state().openPolls === 1, 'the next poll lasts');
  clock.advance(16_000);
  await polls(1);
  clock.advance(4_000);
  await happens(() => requests() === 9, 'the poll ended after its full time');
  await polls(1);
  t.equal(told.early.length, 8, 'a poll that lasted is not early');
  sandbox.actions.setFaults([{ kind: 'early-empty-poll', count: 1 }]);
  clock.advance(20_000);
  await movingUntil(() => told.early.length === 9, 'one more early end');
  t.ok((told.early.at(-1) ?? 0) <= 500, 'the back-off begins anew');
  feed(1);
  await movingUntil(() => state().deleted === 1, 'a message is received and deleted');
  t.same(told.failed, []);
});

t.test('under the cap on long polls pollers shrink to the least before they slow down', async (t) => {
  const { clock, feed, polls, receiver, requests, sandbox, told, happens } = await open(t);
  feed(800);
  receiver.start();
  await polls(8);
  const before = requests();
  sandbox.actions.setFaults([{ kind: 'early-empty-poll' }]);
  clock.advance(20_000);
  await happens(() => told.early.length === 1, 'one back-off');
  t.equal(requests() - before, 8 + 1, 'the eight polls that ended in time, and one early one');
});

t.test('an answer a fifth before its time is not early', async (t) => {
  const { clock, polls, receiver, sandbox, told, requests, happens } = await open(t);
  sandbox.actions.setFaults([{ kind: 'early-empty-poll', delayMs: 16_000, count: 2 }]);
  receiver.start();
  for (const n of [1, 2]) {
    await happens(() => sandbox.actions.state().faults[0]?.struck === n, 'the poll arrives');
    clock.advance(16_000);
  }
  await polls(1);
  t.same(told.early, []);
  t.equal(requests(), 2);
});

t.test('failures slow polls down, each more than the last, and the recovery is told once', async (t) => {
  const { feed, movingUntil, polls, receiver, requests, sandbox, state, told } = await open(t);
  sandbox.actions.setFaults([
    { kind: 'html-502', count: 2, operation: 'BatchReceive' },
    { kind: '429', count: 2, operation: 'BatchReceive' },
    { kind: 'reset', count: 2, operation: 'BatchReceive' },
  ]);
  receiver.start();
  feed(3);
  await movingUntil(() => state().deleted === 3, 'the messages are deleted');
  t.equal(told.failed.length, 6);
  for (const [n, retryInMs] of told.failed.entries()) {
    const ceilingMs = Math.min(30_000, 500 * 2 ** n);
    t.ok(retryInMs >= ceilingMs / 2 && retryInMs <= ceilingMs, `${retryInMs} of ${ceilingMs} ms`);
  }
  await polls(1);
  t.same(told.recovered, [6]);
  t.equal(requests(), 6 + 1, 'each failure and the success');
  sandbox.actions.setFaults([{ kind: '500', count: 1, operation: 'BatchReceive' }]);
  feed(1);
  await movingUntil(() => told.failed.length === 7, 'one more failure');
  t.ok((told.failed.at(-1) ?? 0) <= 500, 'the back-off begins anew');
  await movingUntil(() => told.recovered.length === 2, 'one more recovery');
  t.same(told.recovered, [6, 1]);
});

t.test('a blip that hits all pollers at once costs each of them one short back-off', async (t) => {
  const { clock, feed, polls, proxy, receiver, told, happens } = await open(t, { proxied: true });
  feed(800);
  receiver.start();
  await polls(8);
  proxy.resetConnections();
  await happens(() => told.failed.length === 8, 'all polls failed');
  t.ok(Math.max(...told.failed) <= 500, `${Math.max(...told.failed)} ms`);
  clock.advance(500);
  await polls(8);
  t.equal(told.failed.length, 8);
});

t.test('after a stop, polls under way still bring their messages, and no new poll begins', async (t) => {
  const { handle, waiting, letGo } = holder();
  const { feed, polls, receiver, requests, state, told, happens } = await open(t, { handle });
  receiver.start();
  await polls(1);
  const stopped = receiver.stop();
  feed(20);
  await stopped;
  t.equal(told.received, 16, 'what the one poll could carry');
  t.equal(receiver.inFlight, 16);
  t.equal(requests(), 1);
  t.equal(state().active, 4, 'the rest is for others');
  let isDrained = false;
  const drained = receiver.drain().then(() => (isDrained = true));
  letGo(15);
  await happens(() => state().deleted === 15, 'what was let go is deleted');
  t.equal(isDrained, false, 'one message is not settled');
  t.equal(waiting.length, 1);
  letGo();
  await happens(() => isDrained, 'the drain ends');
  await drained;
  t.same([state().deleted, receiver.inFlight], [16, 0]);
});

t.test('after a stop, polls that bring nothing are cut a second later', async (t) => {
  const { clock, feed, polls, receiver, state, happens } = await open(t);
  feed(800);
  receiver.start();
  await polls(8);
  await happens(() => state().deleted === 800, 'all are deleted');
  let isStopped = false;
  const stopped = receiver.stop().then(() => (isStopped = true));
  clock.advance(999);
  await polls(8);
  t.equal(isStopped, false);
  clock.advance(1);
  await stopped;
  await polls(0);
  await receiver.drain();
  t.equal(state().received, 800);
});

t.test('a stop ends a back-off, a wait for room and a wait for the gate', async (t) => {
  const failing = await open(t);
  failing.sandbox.actions.setFaults([{ kind: '500' }]);
  failing.receiver.start();
  await failing.happens(() => failing.told.failed.length === 1, 'a failure');
  await failing.receiver.stop();
  t.equal(failing.requests(), 1);

  const { handle, letGo } = holder();
  const full = await open(t, { receive: { maxInFlight: 16 }, handle });
  full.feed(32);
  full.receiver.start();
  await full.happens(() => full.receiver.inFlight === 16, 'the receiver is full');
  await full.receiver.stop();
  letGo();
  await full.receiver.drain();
  t.equal(full.state().received, 16);

  const shut = await open(t);
  shut.gate.close('no store');
  shut.receiver.start();
  await shut.receiver.stop();
  t.equal(shut.requests(), 0);
});

t.test('a message that is held is renewed at the queue, and nobody else gets it', async (t) => {
  const { handle, letGo } = holder();
  const { feed, receiver, sandbox, state, happens, movingUntil } = await open(t, { handle });
  const [id = ''] = feed(1);
  receiver.start();
  await happens(() => receiver.inFlight === 1, 'the message is in flight');
  await movingUntil(() => state().changedVisibility === 4, 'four renewals, which take twice the timeout');
  letGo();
  await happens(() => state().deleted === 1, 'the message is deleted');
  t.match(sandbox.actions.history('orders', id), [{ deliveries: 1, visibilityChanges: 4, end: 'deleted' }]);
});

t.test('renewals follow the visibility timeout that the first delivery of a message shows', async (t) => {
  const { handle } = holder();
  const { clock, feed, receiver, state, happens } = await open(t, { handle, spec: { visibilityMs: 10_000 } });
  feed(1);
  receiver.start();
  await happens(() => receiver.inFlight === 1, 'the message is in flight');
  clock.advance(5_000);
  await happens(() => state().changedVisibility === 1, 'a renewal at half of ten seconds');
  t.equal(state().inactive, 1);
});

t.test('a lease that another took is lost, and its message is not deleted', async (t) => {
  const reasons: unknown[] = [];
  const { clock, feed, receiver, sandbox, state, happens } = await open(t, {
    handle: async (lease) => {
      await new Promise((resolve) => {
        lease.signal.addEventListener('abort', resolve);
      });
      reasons.push(lease.signal.reason, await lease.ack());
    },
  });
  sandbox.actions.setFaults([{ kind: 'duplicate-delivery', count: 1 }]);
  feed(1);
  receiver.start();
  await happens(() => receiver.inFlight === 2, 'both deliveries are in flight');
  clock.advance(15_000);
  await happens(() => reasons.length === 2, 'one lease is lost');
  t.same(reasons, ['lost', false]);
  t.same([receiver.inFlight, state().inactive, state().deleted], [1, 1, 0], 'the other is alive');
});

t.test(
  'asked to release, leases give their messages back, and the next receiver has them a second later',
  async (t) => {
    const { clock, feed, receiver, state, queue, happens } = await open(t, {
      handle: async (lease) => {
        await new Promise((resolve) => {
          lease.signal.addEventListener('abort', resolve);
        });
        await lease.release(1);
      },
    });
    feed(100);
    receiver.start();
    await happens(() => receiver.inFlight === 100, 'all are in flight');
    const stopped = receiver.stop();
    clock.advance(1_000);
    await stopped;
    receiver.interrupt('release');
    await receiver.drain();
    t.same([receiver.inFlight, state().released, state().inactive], [0, 100, 100]);
    clock.advance(1_000);
    t.equal(state().active, 100);
    const [again] = await queue.receive(1, 0, never);
    t.equal(again?.message.attempt, 2);
  },
);

t.test('asked to abandon, nothing more is said to the queue', async (t) => {
  const { clock, feed, receiver, sandbox, polls, happens } = await open(t, {
    handle: async (lease) => {
      await new Promise((resolve) => {
        lease.signal.addEventListener('abort', resolve);
      });
      await lease.ack();
      await lease.release(1);
    },
  });
  feed(40);
  receiver.start();
  await happens(() => receiver.inFlight === 40, 'all are in flight');
  await polls(3);
  const said = () => {
    const { BatchDelete, ChangeVisibility } = sandbox.actions.state().requests;
    return [BatchDelete, ChangeVisibility];
  };
  receiver.interrupt('abandon');
  await receiver.stop();
  await receiver.drain();
  await polls(0);
  clock.advance(20_000);
  t.same(said(), [undefined, undefined]);
  t.equal(sandbox.actions.state().queues['orders']?.inactive, 40);
});

t.test('acks survive failures, lost answers and partial deletes', async (t) => {
  const outcomes: boolean[] = [];
  const { feed, movingUntil, receiver, sandbox, state, told } = await open(t, {
    handle: async (lease) => outcomes.push(await lease.ack()),
  });
  sandbox.actions.setFaults([
    { kind: 'reset-after-effect', operation: 'BatchDelete', count: 1 },
    { kind: '429', operation: 'BatchDelete', count: 1 },
    { kind: 'html-502', operation: 'BatchDelete', count: 1 },
    { kind: 'expired-token', operation: 'BatchDelete', count: 1 },
    { kind: 'truncated-body', operation: 'BatchDelete', count: 1 },
    { kind: 'partial-delete', code: 'InternalError', operation: 'BatchDelete', count: 3 },
  ]);
  feed(160);
  receiver.start();
  await movingUntil(() => outcomes.length === 160, 'all acks have their answer');
  t.equal(state().deleted, 160);
  t.same(new Set(outcomes), new Set([true]), 'each ends as deleted');
  t.ok(told.ackFailed >= 5, `${told.ackFailed} failures told`);
});

t.test(
  'a message on a queue that was idle for a minute is received at once, whatever the wait',
  async (t) => {
    for (const waitMs of [1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000]) {
      const { clock, feed, polls, receiver, state, told, happens } = await open(t, { receive: { waitMs } });
      receiver.start();
      await polls(1);
      const startMs = clock.now();
      while (clock.now() - startMs < 60_000) {
        const before = told.answers;
        while (state().openPolls > 0) clock.advance(10);
        await happens(() => told.answers > before, 'a poll has ended');
        await polls(1);
      }
      t.same(told.early, [], `a wait of ${waitMs} ms: none of ${told.answers} polls is early`);
      feed(1);
      await happens(
        () => state().deleted === 1,
        `a wait of ${waitMs} ms: the message is received and deleted`,
      );
      receiver.interrupt('abandon');
    }
  },
);

t.test('answers that do not wait are told from the ends of polls, also at the shortest wait', async (t) => {
  for (const waitMs of [1_000, 5_000, 30_000]) {
    const { movingUntil, receiver, requests, sandbox, told } = await open(t, { receive: { waitMs } });
    sandbox.actions.setFaults([{ kind: 'early-empty-poll', delayMs: 200 }]);
    receiver.start();
    await movingUntil(() => told.early.length >= 6, 'six back-offs');
    t.equal(requests(), 6, `a wait of ${waitMs} ms: one request for each`);
    t.ok(Number(told.early.at(-1)) >= 8_000, `the sixth is of ${told.early.at(-1)} ms`);
    receiver.interrupt('abandon');
  }
});

t.test('without a wait an idle queue is asked once a second, and a busy one at once', async (t) => {
  const { clock, feed, happens, receiver, state, told } = await open(t, {
    receive: { waitMs: 0, pollers: { min: 1, max: 1 } },
  });
  feed(160);
  receiver.start();
  await happens(() => state().deleted === 160, 'all are deleted without a wait');
  await happens(() => told.answers === 11, 'ten batches and one empty answer');
  for (let second = 1; second <= 60; second++) {
    await settled();
    clock.advance(999);
    await settled();
    t.equal(told.answers, 10 + second);
    clock.advance(1);
    await happens(() => told.answers === 11 + second, 'the next answer');
  }
  await settled();
  feed(1);
  clock.advance(1_000);
  await happens(() => state().deleted === 161, 'a message is received within a second');
  t.same(told.early, [], 'which is nothing to report');
});

t.test('the poll that finds MNS answering again is followed by a long one at once', async (t) => {
  const clock = manualClock(0);
  const waits: number[] = [];
  const answers: (() => Promise<Delivery[]>)[] = [
    () => Promise.reject(failure(ownCodes.timedOut)),
    () => Promise.resolve([]),
  ];
  const receiver = receiverOf(t, clock, (_max, waitSeconds) => {
    waits.push(waitSeconds);
    return answers.shift()?.() ?? new Promise(() => undefined);
  });
  receiver.start();
  await until(() => waits.length === 1, { what: 'the poll without an answer', everyMs: 1 });
  await settled();
  clock.advance(500);
  await until(() => waits.length >= 3, { what: 'two more polls, without a pause between', everyMs: 1 });
  t.same(waits, [20, 0, 20]);
});

t.test(
  'pollers that come back empty in the same moment do not all take another for the one that stays',
  async (t) => {
    const clock = manualClock(0);
    let polls: ((deliveries: Delivery[]) => void)[] = [];
    const endAll = (deliveries: Delivery[]): void => {
      const ending = polls;
      polls = [];
      for (const end of ending) end(deliveries);
    };
    const message = { messageId: 'M', body: '', damaged: false, attempt: 1, enqueuedAtMs: 0, properties: {} };
    const delivery = { message, receiptHandle: 'R', receivedAtMs: 0, visibilityMs: 30_000 };
    const receiver = receiverOf(t, clock, (_max, _waitSeconds, signal) => {
      return new Promise((resolve, reject) => {
        polls.push(resolve);
        signal.addEventListener('abort', reject);
      });
    });
    receiver.start();
    for (const wanted of [1, 2, 4, 8, 8]) {
      await until(() => polls.length === wanted, { what: `${wanted} polls`, everyMs: 1 });
      endAll([delivery]);
    }
    await until(() => polls.length === 8, { what: '8 polls', everyMs: 1 });
    clock.advance(20_000);
    endAll([]);
    await until(() => polls.length > 0, { what: 'the least is still polling', everyMs: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(polls.length, 1);
    receiver.interrupt('abandon');
    await receiver.stop();
  },
);

/** A receiver of one message a poll from a queue whose polls the test answers. */
function receiverOf(test: Test, clock: ManualClock, receive: Queue['receive']): Receiver {
  const receiver = new Receiver({
    budget: new ByteBudget(1_000_000_000),
    queue: {
      name: 'orders',
      receive,
      delete: async () => new Map(),
      changeVisibility: async () => 'R',
      close: async () => undefined,
    },
    visibilityMs: 30_000,
    receive: {
      batch: 1,
      waitMs: 20_000,
      maxInFlight: 100,
      maxLeaseMs: 60_000,
      pollers: { min: 1, max: 8 },
    },
    ack: { batch: 1, lingerMs: 0 },
    gate: new StoreGate(() => undefined),
    clock,
    events: {
      received: () => undefined,
      receiveFailed: () => undefined,
      receiveRecovered: () => undefined,
      pollEndedEarly: () => test.fail('no poll ends early'),
      ackFailed: () => undefined,
    },
    handle: (lease) => lease.ack(),
  });
  test.teardown(() => {
    receiver.interrupt('abandon');
  });
  return receiver;
}

t.test('idle queues that burst at once hold no more bytes than there is room for', async (t) => {
  const budget = new ByteBudget(3_000_000);
  const { handle, waiting } = holder();
  const receive = { pollers: { min: 1, max: 1 } };
  const queues = await Promise.all([0, 1, 2, 3].map(() => open(t, { budget, handle, receive })));
  const total = (count: (queue: (typeof queues)[0]) => number): number =>
    queues.reduce((sum, queue) => sum + count(queue), 0);
  const moving = async (probe: () => boolean, what: string): Promise<void> => {
    await until(
      () => {
        for (const { clock } of queues) clock.advance(0);
        return probe();
      },
      { what },
    );
  };
  for (const { receiver } of queues) receiver.start();
  await Promise.all(queues.map(({ polls }) => polls(1)));
  const messages = Array.from({ length: 16 }, () => ({ body: 'x'.repeat(60_000) }));
  for (const { sandbox } of queues) sandbox.actions.feed('orders', messages);
  await moving(() => total(({ state }) => state().openPolls) === 0, 'every poll is answered');
  for (let deleted = 0; deleted < 64;) {
    await moving(() => waiting.length > 0, 'messages are in work');
    const inFlight = total(({ receiver }) => receiver.inFlight);
    t.ok(inFlight <= 25, `${inFlight} messages of 120 kB`);
    const free = waiting.splice(0);
    for (const release of free) release();
    deleted += free.length;
    await moving(() => total(({ state }) => state().deleted) >= deleted, 'they are deleted');
  }
});
