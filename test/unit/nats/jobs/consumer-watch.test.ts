import type { ConsumerInfo } from 'nats';
import t from 'tap';
import { ConsumerWatch } from '../../../../src/nats/jobs/consumer-watch.js';

/** The answers of nats-server 2.15.1 to CONSUMER.INFO, running, paused for an hour, and running again. */
const answer = {
  type: 'io.nats.jetstream.api.v1.consumer_info_response',
  stream_name: 'S',
  name: 'd',
  created: '2026-11-30T15:35:23.671241164Z',
  delivered: { consumer_seq: 1, stream_seq: 1, last_active: '2026-11-30T15:35:23.682195461Z' },
  ack_floor: { consumer_seq: 0, stream_seq: 0 },
  num_ack_pending: 1,
  num_redelivered: 0,
  num_waiting: 0,
  num_pending: 0,
  ts: '2026-11-30T15:35:23.684419208Z',
};
const paused = {
  ...answer,
  paused: true,
  pause_remaining: 3_599_995_899_533,
  ts: '2026-11-30T15:35:23.689099264Z',
};

class Bench {
  nowMs = 0;
  readonly told: unknown[][] = [];
  readonly watch = new ConsumerWatch(
    { now: () => this.nowMs, monotonicMs: () => this.nowMs, after: () => () => undefined },
    {
      consumerMade: (...facts) => this.told.push(['made', ...facts]),
      consumerPaused: (consumer, stream, untilMs) =>
        this.told.push(['paused', consumer, stream, new Date(untilMs).toISOString()]),
      consumerResumed: (...facts) => this.told.push(['resumed', ...facts]),
    },
  );

  inform(...infos: object[]): this {
    for (const info of infos) this.watch.informed(info as ConsumerInfo);
    return this;
  }
}

t.test('a pause is told once with its end, when that moves, and when it is over', async (t) => {
  const longer = { ...paused, pause_remaining: paused.pause_remaining * 2 };
  const { told } = new Bench().inform(answer, paused, paused, longer, answer, answer);
  t.same(told, [
    ['paused', 'd', 'S', '2026-11-30T16:35:23.684Z'],
    ['paused', 'd', 'S', '2026-11-30T17:35:23.680Z'],
    ['resumed', 'd'],
  ]);
});

t.test('a pause without an end that a date can have is told all the same', async (t) => {
  for (const pause_remaining of [Number.MAX_VALUE, Infinity, NaN, undefined, -1]) {
    const { told } = new Bench().inform({ ...paused, pause_remaining });
    t.match(told, [['paused', 'd', 'S', String]], `${pause_remaining}`);
  }
});

t.test('the clock of the server goes on by the monotonic one, from the last answer', async (t) => {
  const bench = new Bench();
  t.equal(bench.watch.serverNowMs, undefined);
  bench.inform(answer);
  bench.nowMs += 5_000;
  t.equal(bench.watch.serverNowMs, Date.parse(answer.ts) + 5_000);
  const { ts: _, ...older } = answer;
  t.equal(
    new Bench().inform(older).watch.serverNowMs,
    Date.parse(answer.delivered.last_active),
    'before 2.10 the last delivery tells',
  );
});

t.test('a message is new only to a consumer that is older, and the first time', async (t) => {
  const createdMs = Date.parse(answer.created);
  const isNew = (message: Partial<Parameters<ConsumerWatch['handedOut']>[0]>): boolean => {
    const { watch } = new Bench().inform(answer);
    watch.handedOut({ number: 5, deliveries: 1, storedAtMs: createdMs });
    return watch.handedOut({ number: 6, deliveries: 1, storedAtMs: createdMs + 100_000, ...message });
  };
  t.equal(isNew({}), true);
  t.equal(isNew({ deliveries: 2 }), false, 'handed out before');
  t.equal(isNew({ storedAtMs: createdMs - 1 }), false, 'older than the consumer');
  t.equal(isNew({ number: 1 }), false, 'the consumer was made again meanwhile');
});
