/** What the dashboard shows, from top to bottom. */
import { chosen, graph, ofProcess, ofQueue, quantiles, stat } from './panel.mjs';

const green = { color: 'green', value: null };
const orange = (value) => ({ color: 'orange', value });
const red = (value) => ({ color: 'red', value });

export const rows = [
  {
    title: 'Is it well?',
    height: 4,
    panels: [
      stat('Ledger', 'Received, but neither settled nor in flight. Always 0.', {
        expr: `sum(vod_relay_messages_received_total{${ofQueue}}) - sum(vod_relay_messages_settled_total{${ofQueue}}) - sum(vod_relay_messages_in_flight{${ofQueue}})`,
        steps: [red(null), { color: 'green', value: 0 }, red(1)],
      }),
      stat('NATS away', 'Pods for which NATS does not store.', {
        expr: `count(vod_relay_nats_up{${chosen}} == 0) or vector(0)`,
        steps: [green, red(1)],
      }),
      stat('Queues away', 'Pods and queues that cannot be received from.', {
        expr: `count(vod_relay_queue_up{${ofQueue}} == 0) or vector(0)`,
        steps: [green, red(1)],
      }),
      stat('Lag', 'Age of the oldest message when it is received.', {
        expr: `max(vod_relay_queue_lag_seconds{${ofQueue}})`,
        unit: 's',
        steps: [green, orange(60), red(300)],
      }),
      stat(
        'Last message',
        'Time since any message was received. A wrong callback in VOD looks like silence.',
        {
          expr: `time() - max(vod_relay_last_event_timestamp_seconds{${ofQueue}})`,
          unit: 's',
          steps: [green, orange(3600), red(43200)],
        },
      ),
      stat('Dead letters', 'New ones within a day.', {
        expr: `sum(increase(vod_relay_dead_letters_total{${ofQueue}}[24h]))`,
        steps: [green, orange(1)],
      }),
      stat('Oldest follow-up due', 'Age of the oldest event without an outcome of its follow-up.', {
        expr: `max(vod_relay_follow_up_oldest_seconds{${chosen}})`,
        unit: 's',
        steps: [green, orange(86400), red(604800)],
      }),
      stat('Pods', 'Processes that are scraped.', {
        expr: `count(vod_relay_build_info{${chosen}})`,
        steps: [red(null), { color: 'green', value: 1 }],
      }),
    ],
  },
  {
    title: 'Messages',
    height: 8,
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
    panels: [
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
    ],
  },
  {
    title: 'Process',
    height: 8,
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
    ],
  },
];
