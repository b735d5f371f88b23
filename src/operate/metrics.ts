import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { deadLetterCodes, followUpCodes } from '../event/dead-letter-code.js';
import { followUpOutcomes } from '../event/follow-up.js';
import { streamKindOf, type StreamKind } from '../event/layout.js';
import type { Clock } from '../time.js';
import { followUpFault, queueFault } from './health.js';
import type { Ledger } from './ledger.js';
import { metricTable, type MetricOf } from './metric-table.js';
import { outcomes } from './outcomes.js';
import type { QueueState, WorkerState } from './state.js';

/** The sources that the metrics are read from at each scrape. */
export interface MetricSources {
  state: WorkerState;
  ledger: Ledger;
  clock: Clock;
}

/** prom-client gives these three gauges the ending of a counter, which promtool refuses. */
const misnamed = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** The label of a message that was not stored, by its stream; `other` for a stream without a line here. */
const storedKinds: Partial<Record<StreamKind, string>> = {
  events: 'events',
  deadLetters: 'dead-letters',
  followUps: 'follow-ups',
};

/**
 * The metrics of a worker. What the ledger and the state know is read from them when it is asked for; the
 * rest is told here. The three metrics of the ledger are read in one go, so that their equation holds in
 * every answer.
 */
export function createMetrics({ state, ledger, clock }: MetricSources) {
  const registry = new Registry();
  const { queues, nats, followUp, plan } = state;

  counter('vod_relay_messages_received_total', (metric) => {
    for (const [queue, totals] of ledgerOf()) metric.inc({ queue }, totals['received'] ?? 0);
  });
  counter('vod_relay_messages_settled_total', (metric) => {
    for (const [queue, totals] of ledgerOf()) {
      for (const outcome of outcomes) metric.inc({ queue, outcome }, totals[outcome] ?? 0);
    }
  });
  ofQueues('vod_relay_messages_in_flight', ({ receiver }) => receiver?.inFlight ?? 0);
  ofQueues('vod_relay_queue_up', (queue) => (queueFault(queue, clock) === undefined ? 1 : 0));
  ofQueues('vod_relay_queue_lag_seconds', ({ lag }) => lag.ms / 1000);
  ofQueues('vod_relay_last_event_timestamp_seconds', (queue) => {
    return (queue.lastMessageAtMs ?? queue.waitingSinceMs) / 1000;
  });
  ofQueues('vod_relay_last_poll_timestamp_seconds', (queue) => {
    return (queue.lastPollAtMs ?? queue.waitingSinceMs) / 1000;
  });
  ofQueues('vod_relay_pollers', ({ receiver }) => receiver?.pollers ?? 0);
  gauge('vod_relay_build_info', (metric) => {
    metric.set({ version: plan.version, role: plan.role }, 1);
  });
  gauge('vod_relay_nats_up', (metric) => {
    metric.set(nats.connected && nats.closed?.isReady !== false ? 1 : 0);
  });
  if (plan.followsUp) {
    gauge('vod_relay_follow_up_up', (metric) => {
      metric.set(nats.connected && followUpFault(followUp) === undefined ? 1 : 0);
    });
    // Until somebody has looked there is no figure: 0 would say that nothing waits.
    gauge('vod_relay_follow_up_backlog', (metric) => {
      if (followUp.backlog) metric.set(followUp.backlog.waiting);
      else metric.remove();
    });
    gauge('vod_relay_follow_up_oldest_seconds', (metric) => {
      if (followUp.backlog) metric.set(followUp.backlog.oldestMs / 1000);
      else metric.remove();
    });
    gauge('vod_relay_consumer_paused', (metric) => {
      for (const consumer of followUp.consumers.keys())
        metric.set({ consumer }, followUp.paused.has(consumer) ? 1 : 0);
    });
    counter('vod_relay_follow_up_settled_total', (metric) => {
      const settled = ledger.followUps();
      for (const outcome of Object.keys(followUpOutcomes)) metric.inc({ outcome }, settled[outcome] ?? 0);
    });
  }
  const unreadable = counter('vod_relay_follow_up_unreadable_total');
  const crashes = counter('vod_relay_follow_up_crashes_total');
  const slowed = gauge('vod_relay_follow_up_slowed');
  for (const account of plan.accounts) slowed.set({ account }, 0);
  const failures = counter('vod_relay_message_failures_total');
  const deadLetters = counter('vod_relay_dead_letters_total');
  const pollsReplaced = counter('vod_relay_polls_replaced_total');
  // Series that alerts use exist from the start: a step from no series to 1 is no increase.
  for (const queue of queues.keys()) {
    pollsReplaced.inc({ queue }, 0);
    failures.inc({ queue }, 0);
    for (const code of Object.keys(deadLetterCodes)) {
      // Of the other half, which counts it as an outcome.
      if (!Object.hasOwn(followUpCodes, code)) deadLetters.inc({ queue, code }, 0);
    }
  }
  const notStored = counter('vod_relay_not_stored_total');
  for (const kind of [...Object.values(storedKinds), 'other']) notStored.inc({ kind }, 0);
  const mnsRequests = counter('vod_relay_mns_requests_total');
  const polls = histogram('vod_relay_poll_duration_seconds');
  const enqueueToPublish = histogram('vod_relay_enqueue_to_publish_seconds');
  const settles = histogram('vod_relay_settle_duration_seconds');
  const disconnects = counter('vod_relay_nats_disconnects_total');
  const publishes = histogram('vod_relay_publish_duration_seconds');
  const vodCalls = histogram('vod_relay_follow_up_call_duration_seconds');
  const clocks = gauge('vod_relay_clock_ahead_seconds');
  const linesLost = counter('vod_relay_log_lines_lost_total');
  const spans = counter('vod_relay_spans_total');
  for (const result of ['recorded', 'exported', 'failed']) spans.inc({ result }, 0);
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);

  return {
    deadLettered(queue: string, code: string): void {
      deadLetters.inc({ queue, code });
    },
    notStored(stream: string): void {
      const kind = streamKindOf(stream);
      notStored.inc({ kind: (kind && storedKinds[kind]) ?? 'other' });
    },
    messageFailed(queue: string): void {
      failures.inc({ queue });
    },
    pollReplaced(queue: string): void {
      pollsReplaced.inc({ queue });
    },
    mnsCalled(queue: string, operation: string, result: string): void {
      mnsRequests.inc({ queue, operation, result });
    },
    polled(queue: string, durationMs: number): void {
      polls.observe({ queue }, durationMs / 1000);
    },
    acked(queue: string, sinceEnqueueMs: number, ackMs: number): void {
      enqueueToPublish.observe({ queue }, sinceEnqueueMs / 1000);
      settles.observe({ queue }, ackMs / 1000);
    },
    disconnected(): void {
      disconnects.inc();
    },
    published(durationMs: number): void {
      publishes.observe(durationMs / 1000);
    },
    vodCalled(operation: string, result: string, durationMs: number): void {
      vodCalls.observe({ operation, result }, durationMs / 1000);
    },
    followUpUnreadable(): void {
      unreadable.inc();
    },
    followUpCrashed(): void {
      crashes.inc();
    },
    slowed(account: string, isSlowed: boolean): void {
      slowed.set({ account }, isSlowed ? 1 : 0);
    },
    clockAhead(of: string, seconds: number): void {
      clocks.set({ of }, seconds);
    },
    logLineLost(): void {
      linesLost.inc();
    },
    spans(result: 'recorded' | 'exported' | 'failed', count: number): void {
      spans.inc({ result }, count);
    },
    contentType: registry.contentType,
    /**
     * All of them in the text format of Prometheus. Call it from an event of its own, between whole steps of
     * the work.
     */
    text: (): Promise<string> => registry.metrics(),
  };

  /** Queues that have received nothing yet are there too, with 0. */
  function ledgerOf(): [queue: string, totals: Record<string, number>][] {
    const totals = ledger.totals();
    return [...queues.keys()].map((queue) => [queue, totals[queue] ?? {}]);
  }

  function ofQueues(name: MetricOf<'gauge'>, valueOf: (queue: QueueState) => number): void {
    gauge(name, (metric) => {
      for (const [queue, known] of queues) metric.set({ queue }, valueOf(known));
    });
  }

  function counter(name: MetricOf<'counter'>, fill?: (metric: Counter) => void): Counter {
    return new Counter({
      ...optionsOf(name),
      // The counts of the ledger replace those of the scrape before.
      ...(fill && {
        collect() {
          this.reset();
          fill(this);
        },
      }),
    });
  }

  function gauge(name: MetricOf<'gauge'>, fill?: (metric: Gauge) => void): Gauge {
    return new Gauge({
      ...optionsOf(name),
      ...(fill && {
        collect() {
          fill(this);
        },
      }),
    });
  }

  function histogram(name: MetricOf<'histogram'>): Histogram {
    return new Histogram({ ...optionsOf(name), buckets: [...metricTable[name].buckets] });
  }

  function optionsOf(name: keyof typeof metricTable) {
    const { help, labels } = metricTable[name];
    return { name, help, labelNames: [...labels], registers: [registry] };
  }
}

export type Metrics = ReturnType<typeof createMetrics>;
