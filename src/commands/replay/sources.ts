import type { Config, QueueConfig } from '../../config/config.js';
import type { Store } from '../../nats/store.js';
import { CredentialsCache, providersOf } from '../../aliyun/credentials.js';
import { MnsClient } from '../../receive/mns-client.js';
import { Queue } from '../../receive/queue.js';
import { createDeadLetterSource } from '../../replay/dead-letter-source.js';
import { createEventSource } from '../../replay/event-source.js';
import type { PlanOf, ReplaySource } from '../../replay/item.js';
import type { ReplayPlan } from '../../replay/plan.js';
import { originOf } from '../../replay/read-dead-letter.js';
import { QueueSource, type QueueSourceOptions } from '../../replay/queue-source.js';
import { systemClock as clock } from '../../time.js';

export interface SourcesOptions {
  config: Config;
  store: Store;
  plan: ReplayPlan;
  replayId: string;
  planOf: PlanOf;
  onTrouble: QueueSourceOptions['onTrouble'];
}

/**
 * The sources of a plan.
 * @throws Error when it names a queue that the configuration does not give to replays.
 */
export function createSources(options: SourcesOptions): ReplaySource[] {
  const { config, store, plan, replayId, planOf } = options;
  const { prefix } = config.nats;
  const reader = store.reader();
  switch (plan.source) {
    case 'events':
      return [createEventSource(reader, prefix, plan.selection, plan.followUp ? planOf : undefined)];
    case 'dead-letters':
      return [
        createDeadLetterSource({
          reader,
          publisher: store.publisher,
          clock,
          replayId,
          selection: plan.selection,
          policy: { prefix, foreignEvents: config.foreignEvents },
          originOf: (queue) => originOf(config.queues, queue),
          planOf,
          keep: plan.keep,
        }),
      ];
    case 'queues':
      return queuesOf(config.queues, plan.queues).map((queue) => queueSource(queue, options));
  }
}

function queuesOf(queues: readonly QueueConfig[], names: readonly string[]): QueueConfig[] {
  for (const name of names) {
    const named = queues.filter((queue) => queue.name === name);
    if (named.length === 0) throw new Error(`the configuration has no queue ${name}`);
    if (named.every(({ mode }) => mode === 'live')) {
      throw new Error(
        `the queue ${name} has mode live: \`vod-relay run\` receives from it; a replay needs mode replay`,
      );
    }
  }
  const chosen = queues.filter(
    ({ name, mode }) => mode === 'replay' && (names.length === 0 || names.includes(name)),
  );
  if (chosen.length === 0) throw new Error('the configuration has no queue of mode replay: name a source');
  return chosen;
}

function queueSource(
  { name, endpoint, credentials, vod }: QueueConfig,
  options: SourcesOptions,
): QueueSource {
  const { config, plan, onTrouble } = options;
  const cache = new CredentialsCache(providersOf(credentials), clock);
  const client = new MnsClient({ endpoint, account: vod.account, credentials: cache, clock });
  return new QueueSource({
    // A queue name is unique for its endpoint only.
    name: `${name}@${new URL(endpoint).host}`,
    queue: new Queue(name, client),
    backlog: async (signal) => {
      const fields = (await client.getQueueAttributes(name, signal)).items[0]?.fields ?? {};
      return {
        active: Number(fields['ActiveMessages'] ?? 0),
        inactive: Number(fields['InactiveMessages'] ?? 0),
      };
    },
    origin: { ...vod, queue: name },
    policy: { prefix: config.nats.prefix, foreignEvents: config.foreignEvents },
    keep: plan.keep,
    clock,
    onTrouble,
  });
}
