import t, { type Test } from 'tap';
import { StoreGate } from '../../../src/nats/publish/store-gate.js';
import { ownCodes } from '../../../src/receive/mns-error.js';
import type { Delivery } from '../../../src/receive/queue.js';
import { ByteBudget } from '../../../src/receive/byte-budget.js';
import { Receiver } from '../../../src/receive/receiver.js';
import { manualClock } from '../../support/manual-clock.js';
import { failure, settled } from './memory-queue.js';

interface Poll {
  waitSeconds: number;
  end(deliveries: Delivery[]): void;
  fail(error: Error): void;
}

/** A receiver with one poller, whose polls the test answers, and whose messages never come to an end. */
function open(test: Test) {
  const clock = manualClock(0);
  const gate = new StoreGate(() => undefined);
  const polls: Poll[] = [];
  const retries: number[] = [];
  const receiver = new Receiver({
    budget: new ByteBudget(1_000_000_000),
    queue: {
      name: 'orders',
      receive: (_max, waitSeconds, signal) =>
        new Promise((resolve, reject) => {
          const fail = (error: Error): void => {
            reject(error);
          };
          polls.push({ waitSeconds, end: resolve, fail });
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
      delete: async () => new Map(),
      changeVisibility: async () => 'R',
      close: async () => undefined,
    },
    visibilityMs: 30_000,
    receive: {
      batch: 1,
      waitMs: 20_000,
      maxInFlight: 16,
      maxLeaseMs: 600_000,
      pollers: { min: 1, max: 1 },
    },
    ack: { batch: 1, lingerMs: 0 },
    gate,
    clock,
    events: {
      received: () => undefined,
      receiveFailed: (_queue, _error, retryInMs) => retries.push(retryInMs),
      receiveRecovered: () => undefined,
      pollEndedEarly: () => test.fail('no poll ends early'),
      ackFailed: () => undefined,
    },
    handle: async (lease) => {
      await new Promise<void>((resolve) => {
        test.teardown(resolve);
      });
      lease.abandon();
    },
  });
  test.teardown(() => {
    receiver.interrupt('abandon');
  });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await settled();
    }
  };
  const take = async (): Promise<Poll> => {
    await settled();
    const poll = polls.shift();
    if (!poll) throw new Error('there is no poll');
    return poll;
  };
  receiver.start();
  return { clock, gate, receiver, retries, polls, pass, take };
}

function message(receivedAtMs = 0): Delivery {
  const facts = { messageId: 'M', body: '', damaged: false, attempt: 1, enqueuedAtMs: 0, properties: {} };
  return { message: facts, receiptHandle: 'R', receivedAtMs, visibilityMs: 30_000 };
}

t.test('a message that is still in work long after its lease must have ended is stuck', async (t) => {
  const { receiver, pass, take, polls } = open(t);
  (await take()).end([message()]);
  const answer = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20_000) {
      await pass(20_000);
      for (const poll of polls.splice(0)) poll.end([]);
    }
  };
  await answer(680_000);
  t.equal(receiver.inFlight, 1);
  t.equal(receiver.stuck, undefined, 'until maxLease, the visibility timeout and a minute have passed');
  await answer(20_000);
  t.match(receiver.stuck, 'a message is still in work');
});

t.test('no poll is missed while none can be made', async (t) => {
  const { clock, gate, receiver, pass, take } = open(t);
  await take();
  gate.close('NATS is away');
  await pass(3_600_000);
  t.equal(receiver.stuck, undefined, 'an hour without NATS');
  gate.open();
  const poll = await take();
  t.equal(receiver.stuck, undefined, 'nor once it is back');
  poll.end([message(clock.monotonicMs())]);
  for (let n = 1; n < 16; n++) (await take()).end([message(clock.monotonicMs())]);
  await pass(300_000);
  t.equal(receiver.inFlight, 16);
  t.equal(receiver.stuck, undefined, 'a full receiver');
});

t.test('a long outage of MNS is not stuck, whether its calls fail or time out', async (t) => {
  for (const code of [ownCodes.connectionFailed, ownCodes.timedOut]) {
    const { receiver, pass, polls } = open(t);
    for (let minute = 0; minute < 60; minute++) {
      await pass(60_000);
      for (const poll of polls.splice(0)) poll.fail(failure(code));
      t.equal(receiver.stuck, undefined, code);
    }
  }
});

t.test('after a poll without an answer the next comes soon and does not wait', async (t) => {
  const { clock, receiver, retries, pass, take } = open(t);
  for (let n = 0; n < 6; n++) {
    const poll = await take();
    t.equal(poll.waitSeconds, n === 0 ? 20 : 0);
    await pass(10_000);
    poll.fail(failure(ownCodes.timedOut));
    await settled();
    clock.advance(2_000);
  }
  t.ok(
    retries.every((retryInMs) => retryInMs <= 2_000),
    `after ${retries.map(Math.round).join(', ')} ms`,
  );
  (await take()).end([]);
  await settled();
  await pass(500);
  t.equal((await take()).waitSeconds, 20, 'once MNS answers, polls wait again');
  t.equal(receiver.stuck, undefined);
});
