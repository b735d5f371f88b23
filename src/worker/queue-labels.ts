import type { QueueConfig } from '../config/config.js';

/**
 * The label of each live queue in logs, metrics and probes: its name, with its region and account where that
 * is not enough.
 */
export function queueLabels(queues: readonly QueueConfig[]): ReadonlyMap<QueueConfig, string> {
  const live = queues.filter(({ mode }) => mode === 'live');
  return new Map(
    live.map((queue) => {
      const { name, vod } = queue;
      const isUnique = live.every((other) => other === queue || other.name !== name);
      return [queue, isUnique ? name : `${vod.region}:${vod.account}/${name}`];
    }),
  );
}
