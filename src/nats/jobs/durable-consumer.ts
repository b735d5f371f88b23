import { AckPolicy, DeliverPolicy, nanos, type ConsumerConfig, type JetStreamManager } from 'nats';
import { isApiError } from '../error-codes.js';
import type { ConsumerWatch } from './consumer-watch.js';

/** A durable pull consumer as the worker needs it. */
export interface DurableConsumer {
  stream: string;
  durable: string;
  filterSubject: string;
  /** A message without a word for this long is handed out again. */
  ackWaitMs: number;
  /** Messages handed out and not done, in the cluster; -1 for no limit. */
  maxAckPending: number;
}

/**
 * Makes sure that the consumer exists: creates it, or changes what differs. One that is someone else's to
 * manage is only looked at; how many messages it lets out at once is theirs to say, the rest has to be as it
 * is here. Never `backoff`: with it the server adds to the delay of a nak. The watch is told what the server
 * answers.
 * @throws Error when there is no such stream, or the consumer is not, and cannot be made, what is needed.
 */
export async function ensureConsumer(
  manager: JetStreamManager,
  { stream, durable, filterSubject, ackWaitMs, maxAckPending }: DurableConsumer,
  isManaged: boolean,
  watch: ConsumerWatch,
): Promise<void> {
  const needed = {
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    max_deliver: -1,
    filter_subject: filterSubject,
    ...(isManaged && { max_ack_pending: maxAckPending }),
  };
  const found = await manager.consumers.info(stream, durable).catch((error: unknown) => {
    if (isManaged && isApiError(error, 'consumerNotFound')) return undefined;
    throw error;
  });
  if (!found) {
    const config = { durable_name: durable, deliver_policy: DeliverPolicy.All, ...needed };
    watch.made(await manager.consumers.add(stream, config));
    return;
  }
  watch.informed(found);
  const differs = differences(found.config, needed);
  if (differs.length === 0) return;
  if (!isManaged) throw new Error(`the consumer ${durable} is someone else’s, and ${differs.join(', ')}`);
  await manager.consumers.update(stream, durable, needed);
}

function differences(config: ConsumerConfig, needed: Partial<ConsumerConfig>): string[] {
  return Object.entries(needed)
    .filter(([key, value]) => config[key as keyof ConsumerConfig] !== value)
    .map(([key, value]) => {
      const isValue = JSON.stringify(config[key as keyof ConsumerConfig]);
      return `its ${key} is ${isValue}, and has to be ${JSON.stringify(value)}`;
    });
}
