interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const quick = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Every metric of our own, with its labels, whose values are all known beforehand or come from the
 * configuration.
 */
export const metricTable = {
  vod_relay_build_info: {
    type: 'gauge',
    labels: ['version', 'role'],
    help: 'Always 1.',
  },
  vod_relay_messages_received_total: {
    type: 'counter',
    labels: ['queue'],
    help: 'Messages received: at any time the sum of all settled and those in flight.',
  },
  vod_relay_messages_settled_total: {
    type: 'counter',
    labels: ['queue', 'outcome'],
    help: 'Messages that came to their end, each with one outcome.',
  },
  vod_relay_messages_in_flight: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Messages received and not yet settled.',
  },
  vod_relay_message_failures_total: {
    type: 'counter',
    labels: ['queue'],
    help: 'Messages that go back to the queue because something failed. Others that are `released` or `lease-lost` were stopped, or took too long.',
  },
  vod_relay_dead_letters_total: {
    type: 'counter',
    labels: ['queue', 'code'],
    help: 'Messages that became dead letters, by reason.',
  },
  vod_relay_queue_up: {
    type: 'gauge',
    labels: ['queue'],
    help: '1 while the queue can be received from, as far as known, else 0.',
  },
  vod_relay_queue_lag_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Age by EnqueueTime of the oldest message of the last half minute when it arrived; 0 once the queue is empty.',
  },
  vod_relay_last_event_timestamp_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'When the last message was received; before the first, when the worker started. A wrong callback in VOD looks like silence.',
  },
  vod_relay_last_poll_timestamp_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'When a poll was last answered; before the first, when the worker started.',
  },
  vod_relay_pollers: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Pollers at work.',
  },
  vod_relay_polls_replaced_total: {
    type: 'counter',
    labels: ['queue'],
    help: 'Polls that were given up because they did not return in time.',
  },
  vod_relay_mns_requests_total: {
    type: 'counter',
    labels: ['queue', 'operation', 'result'],
    help: 'Calls to MNS. All are billed but those with the result no-credentials.',
  },
  vod_relay_poll_duration_seconds: {
    type: 'histogram',
    labels: ['queue'],
    help: 'How long answered polls took, the empty ones included.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 15, 20, 25, 30, 35],
  },
  vod_relay_enqueue_to_publish_seconds: {
    type: 'histogram',
    labels: ['queue'],
    help: 'From EnqueueTime until the message could be deleted, because what became of it was stored.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400],
  },
  vod_relay_settle_duration_seconds: {
    type: 'histogram',
    labels: ['queue'],
    help: 'From then until the message was deleted from the queue.',
    buckets: quick,
  },
  vod_relay_nats_up: {
    type: 'gauge',
    labels: [],
    help: '1 while NATS is connected and stores what is published, as far as known, else 0.',
  },
  vod_relay_nats_disconnects_total: {
    type: 'counter',
    labels: [],
    help: 'Lost connections to NATS.',
  },
  vod_relay_not_stored_total: {
    type: 'counter',
    labels: ['kind'],
    help: 'Publications that a stream of this kind does not store for a lasting reason (a limit, a permission): tried again later, with growing delays.',
  },
  vod_relay_publish_duration_seconds: {
    type: 'histogram',
    labels: [],
    help: 'How long a publication waited for its PubAck, with all tries.',
    buckets: quick,
  },
  vod_relay_follow_up_up: {
    type: 'gauge',
    labels: [],
    help: '1 while follow-ups come from the stream, as far as known, else 0.',
  },
  vod_relay_follow_up_backlog: {
    type: 'gauge',
    labels: [],
    help: 'Events without an outcome of their follow-up, looked at once a minute; the same in all replicas. Absent before the first look.',
  },
  vod_relay_follow_up_oldest_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Age of the oldest of them; compare it with nats.retention.events.',
  },
  vod_relay_follow_up_settled_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Follow-ups taken up, by outcome.',
  },
  vod_relay_follow_up_unreadable_total: {
    type: 'counter',
    labels: [],
    help: 'Messages in the streams that are no event of this program, and are dead letters now.',
  },
  vod_relay_follow_up_crashes_total: {
    type: 'counter',
    labels: [],
    help: 'Follow-ups that ended in a way that nobody foresaw, and are taken up again: a bug.',
  },
  vod_relay_follow_up_call_duration_seconds: {
    type: 'histogram',
    labels: ['operation', 'result'],
    help: 'Calls to VOD, by what their answer asks for.',
    buckets: quick,
  },
  vod_relay_follow_up_slowed: {
    type: 'gauge',
    labels: ['account'],
    help: '1 while VOD refuses calls over the quota of the account, else 0.',
  },
  vod_relay_consumer_paused: {
    type: 'gauge',
    labels: ['consumer'],
    help: '1 while somebody has paused the consumer of follow-ups, else 0.',
  },
  vod_relay_clock_ahead_seconds: {
    type: 'gauge',
    labels: ['of'],
    help: 'How far the clock of this machine is ahead of that of NATS and of VOD, at the last follow-up and the last answer.',
  },
  vod_relay_log_lines_lost_total: {
    type: 'counter',
    labels: [],
    help: 'Lines of the log that could not be written to standard output, and are lost.',
  },
  vod_relay_spans_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Spans for the collector of traces: `recorded`, and of these `exported` or lost with a `failed` batch. The rest waits, or is dropped when more than OTEL_BSP_MAX_QUEUE_SIZE do.',
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metricTable;

/** The metrics of one type. */
export type MetricOf<T extends MetricSpec['type']> = {
  [N in MetricName]: (typeof metricTable)[N]['type'] extends T ? N : never;
}[MetricName];

/** The Markdown table of all of them. Ends with a line break. */
export function metricsTable(): string {
  const rows = Object.entries<MetricSpec>(metricTable).map(([name, { type, labels, help }]) => {
    const labelNames = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${labelNames} | ${help} |`;
  });
  return ['| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}
