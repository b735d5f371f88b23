/** The first row: one number each, green while all is well. */
import { chosen, ofQueue, stat } from './panel.mjs';

const green = { color: 'green', value: null };
const orange = (value) => ({ color: 'orange', value });
const red = (value) => ({ color: 'red', value });

export const overview = {
  title: 'Is it well?',
  height: 4,
  inLine: 6,
  panels: [
    stat('Pods', 'Processes that are scraped.', {
      expr: `count(vod_relay_build_info{${chosen}})`,
      steps: [red(null), { color: 'green', value: 1 }],
    }),
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
    stat('Follow-ups away', 'Pods to which no follow-ups come from the stream.', {
      expr: `count(vod_relay_follow_up_up{${chosen}} == 0) or vector(0)`,
      steps: [green, red(1)],
    }),
    stat('Lag', 'Age of the oldest message when it is received.', {
      expr: `max(vod_relay_queue_lag_seconds{${ofQueue}})`,
      unit: 's',
      steps: [green, orange(60), red(300)],
    }),
    stat('Last message', 'Time since any message was received. A wrong callback in VOD looks like silence.', {
      expr: `time() - max(vod_relay_last_event_timestamp_seconds{${ofQueue}})`,
      unit: 's',
      steps: [green, orange(3600), red(43200)],
    }),
    stat('Failures', 'Messages given back to the queue within a day because something failed.', {
      expr: `sum(increase(vod_relay_message_failures_total{${ofQueue}}[24h]))`,
      steps: [green, orange(1)],
    }),
    stat('Dead letters', 'New ones within a day.', {
      expr: `sum(increase(vod_relay_dead_letters_total{${ofQueue}}[24h]))`,
      steps: [green, orange(1)],
    }),
    stat('Oldest follow-up due', 'Age of the oldest event without an outcome of its follow-up.', {
      expr: `max(vod_relay_follow_up_oldest_seconds{${chosen}})`,
      unit: 's',
      steps: [green, orange(86400), red(604800)],
    }),
    stat('Crashed follow-ups', 'Those that hit a bug within a day, and are taken up again.', {
      expr: `sum(increase(vod_relay_follow_up_crashes_total{${chosen}}[24h]))`,
      steps: [green, orange(1)],
    }),
    stat('Spans lost', 'Within a day, because the collector of traces did not take them.', {
      expr: `sum(increase(vod_relay_spans_total{${chosen}, result="failed"}[24h])) or vector(0)`,
      steps: [green, orange(1)],
    }),
  ],
};
