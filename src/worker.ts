import type { Config, QueueConfig } from './config/config.js';
import type { Telemetry } from './operate/telemetry.js';
import { Store } from './publish/store.js';
import { CredentialsCache, createProvider } from './receive/credentials.js';
import { MnsClient } from './receive/mns-client.js';
import { Queue, type QueueAttributes } from './receive/queue.js';
import { Receiver } from './receive/receiver.js';
import { createRelay } from './relay/relay.js';
import { retryUntilDone, type Clock } from './time.js';

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

/** What a running worker is made of. */
interface Parts extends WorkerOptions {
  store: Store;
  receivers: Receiver[];
}

const attributesBackOff = { baseMs: 500, maxMs: 15_000 };
/** The part of the grace period in which work is finished; the rest is for releasing what could not be. */
const finishShare = 0.6;

/**
 * Runs the relay until it is stopped: connects, starts one receiver for each live queue, and drains. A queue or a
 * NATS that cannot be reached is tried for ever, and holds no other queue up.
 * @throws Error when the connection to NATS is closed for good.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  const { config, clock, telemetry, stop, abandon } = options;
  const store = await Store.open(config.nats, clock, telemetry, stop);
  if (!store) return 'drained';
  const parts: Parts = { ...options, store, receivers: [] };
  const live = config.queues.filter(({ mode }) => mode === 'live');
  const starting = Promise.all(live.map((queue) => startQueue(parts, queue)));
  try {
    await Promise.race([aborted(stop), aborted(abandon), store.closed(), starting.then(() => aborted(stop))]);
    await Promise.race([starting, aborted(abandon)]);
    return await drain(parts);
  } finally {
    await closeReceivers(parts);
    await store.close();
  }
}

/** Starts to receive from a queue once it can be reached and the streams remember ids for as long as it may redeliver. */
async function startQueue(parts: Parts, config: QueueConfig): Promise<void> {
  const { clock, telemetry, stop, store, receivers } = parts;
  const queue = openQueue(config, clock);
  const attributes = await readAttributes(parts, queue);
  if (attributes) {
    const { horizonMs } = parts.config.dedupe;
    await store.ensureHorizon(horizonMs === 'auto' ? attributes.retentionMs : horizonMs, stop);
  }
  if (!attributes || stop.aborted) {
    await queue.close();
    return;
  }
  const receiver = new Receiver({
    queue,
    visibilityMs: attributes.visibilityMs,
    receive: config.receive,
    ack: config.ack,
    gate: store.gate,
    clock,
    events: telemetry,
    handle: relayFor(parts, config),
  });
  receivers.push(receiver);
  telemetry.queueStarted(queue.name, attributes.visibilityMs, attributes.retentionMs);
  receiver.start();
}

function openQueue({ name, endpoint, credentials, vod }: QueueConfig, clock: Clock): Queue {
  const cache = new CredentialsCache(() => createProvider(credentials), clock);
  return new Queue(name, new MnsClient({ endpoint, account: vod.account, credentials: cache, clock }));
}

async function readAttributes(parts: Parts, queue: Queue): Promise<QueueAttributes | undefined> {
  const { clock, telemetry, stop } = parts;
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
  { config, store, telemetry }: Parts,
  { name, vod }: QueueConfig,
): ReturnType<typeof createRelay> {
  const { foreignEvents, maxAttempts, nats } = config;
  return createRelay({
    publisher: store.publisher,
    origin: { ...vod, queue: name },
    prefix: nats.prefix,
    foreignEvents,
    maxAttempts,
    onSettled: (message, outcome) => {
      telemetry.settled(name, message, outcome);
    },
  });
}

/** Stops receiving, then finishes, releases or, when the grace is over, abandons what is in flight. */
async function drain(parts: Parts): Promise<WorkerEnd> {
  const { config, clock, telemetry, abandon, store, receivers } = parts;
  const inFlight = (): number => receivers.reduce((sum, receiver) => sum + receiver.inFlight, 0);
  let end: WorkerEnd = 'drained';
  const release = (): void => {
    for (const receiver of receivers) receiver.interrupt('release');
  };
  const abandonAll = (): void => {
    if (end === 'abandoned') return;
    end = 'abandoned';
    telemetry.abandoning(inFlight());
    for (const receiver of receivers) receiver.interrupt('abandon');
    // Ends the requests that are under way.
    void closeReceivers(parts);
  };
  telemetry.stopping(inFlight(), config.stop.graceMs);
  const cancelRelease = clock.after(config.stop.graceMs * finishShare, release);
  const cancelAbandon = clock.after(config.stop.graceMs, abandonAll);
  if (abandon.aborted) abandonAll();
  abandon.addEventListener('abort', abandonAll);
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  // What NATS does not store now is sooner stored by a replica that can still reach it.
  if (!store.gate.isOpen) release();
  store.gate.onClose(release);
  await Promise.all(receivers.map((receiver) => receiver.drain()));
  cancelRelease();
  cancelAbandon();
  abandon.removeEventListener('abort', abandonAll);
  return end;
}

async function closeReceivers({ receivers }: Parts): Promise<void> {
  await Promise.all(receivers.map((receiver) => receiver.close()));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
