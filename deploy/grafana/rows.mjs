/** The rows of the dashboard, from top to bottom. `inLine` panels of a row stand side by side. */
import { overview } from './overview.mjs';
import { chosen, graph, ofProcess, ofQueue, quantiles } from './panel.mjs';

export const rows = [
  overview,
  {
    title: 'Messages',
    height: 8,
    inLine: 4,
    panels: [
      graph('Received', 'Messages a second, by queue.', {
        targets: [
          [
            '{{queue}}',
            `sum by (queue) (rate(vod_relay_messages_received_total{${ofQueue}}[$__rate_interval]))`,
          ],
        ],
        unit: 'cps',
      }),
      graph('Outcomes', 'Messages a second, by what became of them.', {
        targets: [
          [
            '{{outcome}}',
            `sum by (outcome) (rate(vod_relay_messages_settled_total{${ofQueue}}[$__rate_interval]))`,
          ],
        ],
        unit: 'cps',
        stacked: true,
      }),
      graph('In flight', 'Received and not yet settled, by queue.', {
        targets: [['{{queue}}', `sum by (queue) (vod_relay_messages_in_flight{${ofQueue}})`]],
      }),
      graph('Lag', 'Age of the oldest message when it is received, by queue.', {
        targets: [['{{queue}}', `max by (queue) (vod_relay_queue_lag_seconds{${ofQueue}})`]],
        unit: 's',
      }),
      graph('From MNS to NATS', 'Time from EnqueueTime until what became of a message was stored.', {
        targets: quantiles('vod_relay_enqueue_to_publish_seconds', ofQueue),
        unit: 's',
      }),
      graph('Failures', 'Messages that come again because they failed, or outlasted their lease, by queue.', {
        targets: [
          [
            '{{queue}} failed',
            `sum by (queue) (increase(vod_relay_message_failures_total{${ofQueue}}[$__rate_interval]))`,
          ],
          [
            '{{queue}} lease lost',
            `sum by (queue) (increase(vod_relay_messages_settled_total{${ofQueue}, outcome="lease-lost"}[$__rate_interval]))`,
          ],
        ],
      }),
      graph('Dead letters', 'New ones, by reason.', {
        targets: [
          [
            '{{code}}',
            `sum by (code) (increase(vod_relay_dead_letters_total{${ofQueue}}[$__rate_interval]))`,
          ],
        ],
      }),
    ],
  },
  {
    title: 'MNS',
    height: 8,
    inLine: 3,
    panels: [
      graph('Calls', 'A second, by operation and result.', {
        targets: [
          [
            '{{operation}} {{result}}',
            `sum by (operation, result) (rate(vod_relay_mns_requests_total{${ofQueue}}[$__rate_interval]))`,
          ],
        ],
        unit: 'reqps',
      }),
      graph('Billed calls', 'Within the 24 hours before.', {
        targets: [
          [
            '{{queue}}',
            `sum by (queue) (increase(vod_relay_mns_requests_total{${ofQueue}, result!="no-credentials"}[24h]))`,
          ],
        ],
      }),
      graph('Pollers', 'At work, and polls that did not return and were replaced.', {
        targets: [
          ['{{queue}}', `sum by (queue) (vod_relay_pollers{${ofQueue}})`],
          [
            '{{queue}} replaced',
            `sum by (queue) (increase(vod_relay_polls_replaced_total{${ofQueue}}[$__rate_interval]))`,
          ],
        ],
      }),
      graph('Polls', 'How long answered polls took. Those of an empty queue take queues[].receive.wait.', {
        targets: quantiles('vod_relay_poll_duration_seconds', ofQueue),
        unit: 's',
      }),
      graph('Last poll', 'Time since a poll was answered, by queue.', {
        targets: [
          ['{{queue}}', `time() - max by (queue) (vod_relay_last_poll_timestamp_seconds{${ofQueue}})`],
        ],
        unit: 's',
      }),
      graph('Deletion', 'From the moment at which a message can be deleted until it is.', {
        targets: quantiles('vod_relay_settle_duration_seconds', ofQueue),
        unit: 's',
      }),
    ],
  },
  {
    title: 'NATS',
    height: 8,
    inLine: 4,
    panels: [
      graph('Publications', 'How long they wait for their PubAck, with all tries.', {
        targets: quantiles('vod_relay_publish_duration_seconds', chosen),
        unit: 's',
      }),
      graph('Stored', 'Publications a second.', {
        targets: [
          ['stored', `sum(rate(vod_relay_publish_duration_seconds_count{${chosen}}[$__rate_interval]))`],
        ],
        unit: 'cps',
      }),
      graph('Not stored', 'Refused for a lasting reason, by kind: given back, and tried again later.', {
        targets: [
          ['{{kind}}', `sum by (kind) (increase(vod_relay_not_stored_total{${chosen}}[$__rate_interval]))`],
        ],
      }),
      graph('Lost connections', 'By process.', {
        targets: [
          [
            '{{instance}}',
            `sum by (instance) (increase(vod_relay_nats_disconnects_total{${chosen}}[$__rate_interval]))`,
          ],
        ],
      }),
    ],
  },
  {
    title: 'Follow-ups',
    height: 8,
    inLine: 4,
    panels: [
      graph('Taken from the stream', '1 while follow-ups come from the stream, by process.', {
        targets: [['{{instance}}', `max by (instance) (vod_relay_follow_up_up{${chosen}})`]],
      }),
      graph('Backlog', 'Events without an outcome of their follow-up.', {
        targets: [['events', `max(vod_relay_follow_up_backlog{${chosen}})`]],
      }),
      graph('Outcomes', 'Follow-ups a second, by outcome.', {
        targets: [
          [
            '{{outcome}}',
            `sum by (outcome) (rate(vod_relay_follow_up_settled_total{${chosen}}[$__rate_interval]))`,
          ],
        ],
        unit: 'cps',
        stacked: true,
      }),
      graph('Paused consumers', '1 while somebody has paused the consumer.', {
        targets: [['{{consumer}}', `max by (consumer) (vod_relay_consumer_paused{${chosen}})`]],
      }),
      graph('Clock ahead', 'How far the clock of the process is ahead of those of NATS and VOD.', {
        targets: [
          ['{{instance}} {{of}}', `max by (instance, of) (vod_relay_clock_ahead_seconds{${chosen}})`],
        ],
        unit: 's',
      }),
      graph('Oldest', 'Age of the oldest event of the backlog.', {
        targets: [['oldest', `max(vod_relay_follow_up_oldest_seconds{${chosen}})`]],
        unit: 's',
      }),
      graph('Calls to VOD', 'A second, by operation and what the answer asks for.', {
        targets: [
          [
            '{{operation}} {{result}}',
            `sum by (operation, result) (rate(vod_relay_follow_up_call_duration_seconds_count{${chosen}}[$__rate_interval]))`,
          ],
        ],
        unit: 'reqps',
      }),
      graph('Duration of calls', 'To VOD, by operation.', {
        targets: quantiles('vod_relay_follow_up_call_duration_seconds', chosen, 'operation'),
        unit: 's',
      }),
      graph('Slowed by the quota', '1 while VOD refuses calls over the quota of an account.', {
        targets: [['{{account}}', `max by (account) (vod_relay_follow_up_slowed{${chosen}})`]],
      }),
      graph(
        'Crashed and unreadable',
        'Follow-ups that hit a bug, and messages that are no event of vod-relay.',
        {
          targets: [
            ['crashed', `sum(increase(vod_relay_follow_up_crashes_total{${chosen}}[$__rate_interval]))`],
            [
              'unreadable',
              `sum(increase(vod_relay_follow_up_unreadable_total{${chosen}}[$__rate_interval]))`,
            ],
          ],
        },
      ),
    ],
  },
  {
    title: 'Process',
    height: 8,
    inLine: 4,
    panels: [
      graph('Event loop', 'How long it is held up, 99th percentile between two scrapes.', {
        targets: [['{{instance}}', ofProcess('nodejs_eventloop_lag_p99_seconds')]],
        unit: 's',
      }),
      graph('Memory', 'Resident, and the part of it that is JavaScript.', {
        targets: [
          ['{{instance}}', ofProcess('process_resident_memory_bytes')],
          ['{{instance}} heap', ofProcess('nodejs_heap_size_used_bytes')],
        ],
        unit: 'bytes',
      }),
      graph('CPU', 'Cores in use.', {
        targets: [
          [
            '{{instance}}',
            ofProcess('process_cpu_seconds_total', (series) => `rate(${series}[$__rate_interval])`),
          ],
        ],
      }),
      graph(
        'Spans',
        'A second: those recorded, and of these those that the collector of traces took, and those lost.',
        {
          targets: [
            ['{{result}}', `sum by (result) (rate(vod_relay_spans_total{${chosen}}[$__rate_interval]))`],
          ],
          unit: 'cps',
        },
      ),
      graph('Log lines lost', 'In an hour: those that standard output did not take.', {
        targets: [
          ['{{instance}}', `sum by (instance) (increase(vod_relay_log_lines_lost_total{${chosen}}[1h]))`],
        ],
      }),
    ],
  },
];
