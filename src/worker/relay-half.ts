import { getHeapStatistics } from 'node:v8';
import type { QueueConfig } from '../config/config.js';
import { ByteBudget, bytesInFlight } from '../receive/byte-budget.js';
import { Receiver } from '../receive/receiver.js';
import { MnsClient } from '../receive/mns-client.js';
import { Queue, type QueueAttributes } from '../receive/queue.js';
import { createRelay, type RelayOptions } from '../relay/relay.js';
import { retryUntilDone } from '../time.js';
import type { Half } from './half.js';
import { queueLabels } from './queue-labels.js';
import { watchQueue } from './queue-watch.js';
import { timedLease, timedPublisher } from './timed.js';
import { createTracedRelay } from './traced-relay.js';
import type { Parts } from './parts.js';

const attributesBackOff = { baseMs: 500, maxMs: 4_000 };

/**
 * The half that moves events from MNS to NATS: one receiver for each live queue. A queue that cannot be
 * reached is tried for ever, and holds no other queue up.
 */
export function createRelayHalf(parts: Parts): Half {
  const { config, clock, telemetry, tracing, store, stop } = parts;
  const receivers: Receiver[] = [];
  const budget = new ByteBudget(bytesInFlight(getHeapStatistics().heap_size_limit));
  const labels = queueLabels(config.queues);
  const publisher = timedPublisher(store.publisher, clock, telemetry.published);
  const each = async (act: (receiver: Receiver) => Promise<void>): Promise<void> => {
    await Promise.all(receivers.map(act));
  };
  return {
    async start() {
      await Promise.all([...labels].map(([queue, label]) => startQueue(queue, label)));
    },
    get inFlight() {
      return receivers.reduce((sum, receiver) => sum + receiver.inFlight, 0);
    },
    async stopped() {
      await each((receiver) => receiver.stop());
    },
    async drained() {
      await each((receiver) => receiver.drain());
    },
    release() {
      for (const receiver of receivers) receiver.interrupt('release');
    },
    abandon() {
      for (const receiver of receivers) receiver.interrupt('abandon');
    },
    async close() {
      await each((receiver) => receiver.close());
    },
  };

  /**
   * Starts to receive from a queue once it can be reached and the streams remember ids for as long as it may
   * redeliver.
   */
  async function startQueue(queueConfig: QueueConfig, label: string): Promise<void> {
    const queue = openQueue(queueConfig, label);
    const relay = relayFor(queueConfig, label);
    const attributes = await readAttributes(queue);
    if (attributes) await remember(attributes.retentionMs);
    if (!attributes || stop.aborted) {
      await queue.close();
      return;
    }
    const receiver = new Receiver({
      queue,
      visibilityMs: attributes.visibilityMs,
      receive: queueConfig.receive,
      ack: queueConfig.ack,
      gate: store.gate,
      budget,
      clock,
      events: watchQueue({ queue, attributes, remember, clock, stop, telemetry }),
      handle: (lease) =>
        relay(
          timedLease(lease, clock, (sinceEnqueueMs, ackMs) => {
            telemetry.acked(label, sinceEnqueueMs, ackMs);
          }),
        ),
    });
    receivers.push(receiver);
    telemetry.queueStarted(label, attributes.visibilityMs, attributes.retentionMs, receiver);
    receiver.start();
  }

  /** @returns whether the streams remember ids for as long as a queue of this retention may redeliver. */
  async function remember(retentionMs: number): Promise<boolean> {
    const { dedupe, nats } = config;
    const horizonMs = dedupe.horizonMs === 'auto' ? retentionMs : dedupe.horizonMs;
    await store.ensureHorizon(horizonMs, stop);
    return nats.manageStreams && horizonMs >= retentionMs;
  }

  function openQueue(queue: QueueConfig, label: string): Queue {
    const { name, endpoint, vod } = queue;
    const client = new MnsClient({
      endpoint,
      account: vod.account,
      credentials: parts.credentialsOf(queue),
      clock,
      onCall: (call) => {
        telemetry.mnsCalled(label, call);
      },
    });
    return new Queue(name, client, label, (field, messageId) => {
      telemetry.fieldOutOfBounds(label, field, messageId);
    });
  }

  async function readAttributes(queue: Queue): Promise<QueueAttributes | undefined> {
    return await retryUntilDone(() => queue.attributes(stop), {
      clock,
      backOff: attributesBackOff,
      signal: stop,
      onFailure: (error, retryInMs) => {
        telemetry.attributesFailed(queue.name, error, retryInMs);
      },
    });
  }

  function relayFor(
    { name, vod: { region, account } }: QueueConfig,
    label: string,
  ): ReturnType<typeof createRelay> {
    const { foreignEvents, maxAttempts, nats } = config;
    const options: RelayOptions = {
      publisher,
      origin: { region, account, queue: name },
      prefix: nats.prefix,
      foreignEvents,
      maxAttempts,
      onSettled: (message, outcome) => {
        telemetry.settled(label, message, outcome);
      },
    };
    return tracing ? createTracedRelay(options, tracing, label) : createRelay(options);
  }
}
