import type { Config, QueueConfig } from './config/config.js';
import type { Telemetry } from './operate/telemetry.js';
import { connectNats } from './publish/connection.js';
import { Publisher } from './publish/publisher.js';
import { StoreGate } from './publish/store-gate.js';
import { declareStreams } from './publish/topology.js';
import { CredentialsCache, createProvider } from './receive/credentials.js';
import { MnsClient } from './receive/mns-client.js';
import { Queue, type QueueAttributes } from './receive/queue.js';
import { Receiver } from './receive/receiver.js';
import { createRelay } from './relay/relay.js';
import { backOffMs, sleep, type Clock } from './time.js';

export interface WorkerOptions {
  config: Config;
  clock: Clock;
  telemetry: Telemetry;
  /** Aborted: receive nothing new, settle or release what is in flight, then return. */
  stop: AbortSignal;
  /** Aborted: return at once, without a further word to MNS. */
  abandon: AbortSignal;
}

/** How a worker ended: everything in flight settled or released, or some of it left to the queue's timeout. */
export type WorkerEnd = 'drained' | 'abandoned';

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

/** Part of the grace period after which what cannot be finished is released, so that the rest suffices for that. */
const finishShare = 0.6;
const startBackOff = { baseMs: 500, maxMs: 15_000 };

/**
 * Runs the relay until it is stopped: connects, starts one receiver for each live queue, and drains. A queue or a
 * NATS that cannot be reached is tried for ever, and holds no other queue up.
 * @throws Error when the connection to NATS is closed for good.
 */
export async function runWorker({ config, clock, telemetry, stop, abandon }: WorkerOptions): Promise<WorkerEnd> {
  const gate = new StoreGate((reason) => {
    telemetry.storeGate(reason);
  });
  const connection = await connect();
  if (!connection) return 'drained';
  const { maxPublishesInFlight: maxInFlight, ackTimeoutMs } = config.nats;
  const publisher: Publisher = new Publisher({
    connection,
    gate,
    clock,
    maxInFlight,
    ackTimeoutMs,
    onTrouble: (reason) => {
      telemetry.publishTrouble(reason);
    },
  });
  const receivers: Receiver[] = [];
  let declaring = Promise.resolve();
  let horizonMs = 0;

  const starting = config.queues.filter(({ mode }) => mode === 'live').map(startQueue);
  const closed = connection.closed().then((error) => {
    throw new Error('the connection to NATS is closed for good', { cause: error });
  });
  closed.catch(() => undefined);
  try {
    await Promise.race([aborted(stop), aborted(abandon), closed]);
    await Promise.race([Promise.all(starting), aborted(abandon)]);
    return await drain();
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.close()));
    await connection.close();
  }

  async function connect(): Promise<NatsConnection | undefined> {
    for (let failures = 1; !stop.aborted; failures++) {
      try {
        const made = await connectNats(config.nats, {
          disconnected: (server) => {
            telemetry.disconnected(server);
            publisher.disconnected();
          },
          reconnected: (server) => {
            telemetry.reconnected(server);
            publisher.reconnected();
          },
          refused: (reason) => {
            telemetry.natsRefused(reason);
          },
        });
        telemetry.connected(made.getServer());
        return made;
      } catch (error) {
        const retryInMs = backOffMs(startBackOff, failures);
        telemetry.connectFailed(config.nats.servers, error, retryInMs);
        await sleep(clock, retryInMs, stop);
      }
    }
    return undefined;
  }

  /** The streams have to remember ids for as long as this queue can redeliver before anything is received from it. */
  async function startQueue(config: QueueConfig): Promise<void> {
    const queue = openQueue(config, clock);
    const attributes = await readAttributes(queue);
    if (!attributes) {
      await queue.close();
      return;
    }
    declaring = declaring.then(() => ensureHorizon(attributes.retentionMs));
    await declaring;
    if (stop.aborted) {
      await queue.close();
      return;
    }
    const receiver = new Receiver({
      queue,
      visibilityMs: attributes.visibilityMs,
      receive: config.receive,
      ack: config.ack,
      gate,
      clock,
      events: telemetry,
      handle: relayFor(config),
    });
    receivers.push(receiver);
    telemetry.queueStarted(queue.name, attributes.visibilityMs, attributes.retentionMs);
    receiver.start();
  }

  async function readAttributes(queue: Queue): Promise<QueueAttributes | undefined> {
    for (let failures = 1; !stop.aborted; failures++) {
      try {
        return await queue.attributes();
      } catch (error) {
        const retryInMs = backOffMs(startBackOff, failures);
        telemetry.attributesFailed(queue.name, error, retryInMs);
        await sleep(clock, retryInMs, stop);
      }
    }
    return undefined;
  }

  async function ensureHorizon(retentionMs: number): Promise<void> {
    const wantedMs = config.dedupe.horizonMs === 'auto' ? retentionMs : config.dedupe.horizonMs;
    if (!config.nats.manageStreams || wantedMs <= horizonMs) return;
    const { prefix, streamReplicas: replicas, retention } = config.nats;
    await declareStreams({
      connection: connection as NatsConnection,
      prefix,
      replicas,
      ...retention,
      horizonMs: wantedMs,
      clock,
      signal: stop,
      events: telemetry,
    });
    horizonMs = wantedMs;
  }

  function relayFor({ name, vod }: QueueConfig): ReturnType<typeof createRelay> {
    return createRelay({
      publisher,
      origin: { ...vod, queue: name },
      prefix: config.nats.prefix,
      foreignEvents: config.foreignEvents,
      maxAttempts: config.maxAttempts,
      onSettled: (message, outcome) => {
        telemetry.settled(name, message, outcome);
      },
    });
  }

  async function drain(): Promise<WorkerEnd> {
    const { graceMs } = config.stop;
    telemetry.stopping(inFlight(), graceMs);
    const interruptAll = (how: 'release' | 'abandon'): void => {
      for (const receiver of receivers) receiver.interrupt(how);
    };
    let end: WorkerEnd = 'drained';
    const abandonAll = (): void => {
      if (end === 'abandoned') return;
      end = 'abandoned';
      telemetry.abandoning(inFlight());
      interruptAll('abandon');
      // Ends the requests that are under way.
      for (const receiver of receivers) void receiver.close();
    };
    const release = (): void => {
      interruptAll('release');
    };
    const cancelRelease = clock.after(graceMs * finishShare, release);
    const cancelAbandon = clock.after(graceMs, abandonAll);
    abandon.addEventListener('abort', abandonAll);
    if (abandon.aborted) abandonAll();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    // What NATS does not store now is sooner stored by a replica that may still reach it.
    if (!gate.isOpen) release();
    gate.onClose(release);
    await Promise.all(receivers.map((receiver) => receiver.drain()));
    cancelRelease();
    cancelAbandon();
    abandon.removeEventListener('abort', abandonAll);
    publisher.close();
    return end;
  }

  function inFlight(): number {
    return receivers.reduce((sum, receiver) => sum + receiver.inFlight, 0);
  }
}

function openQueue({ name, endpoint, credentials, vod }: QueueConfig, clock: Clock): Queue {
  const cache = new CredentialsCache(() => createProvider(credentials), clock);
  return new Queue(name, new MnsClient({ endpoint, account: vod.account, credentials: cache, clock }));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
