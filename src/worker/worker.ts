import { Store } from '../nats/store.js';
import { credentialsCaches } from '../aliyun/credentials.js';
import { aborted } from '../time.js';
import { createFollowUpHalf } from './follow-up-half.js';
import type { Half } from './half.js';
import type { Parts, WorkerOptions } from './parts.js';
import { createRelayHalf } from './relay-half.js';

/** How a worker ended: everything in flight settled or given back, or some of it left to its time-out. */
export type WorkerEnd = 'drained' | 'abandoned';

/** The part of the grace period in which work is finished; the rest is for giving back what could not be. */
const finishShare = 0.6;

/**
 * Runs the halves of a role until it is stopped: connects to NATS, starts them, and drains.
 * @throws Error when the connection to NATS is closed for good.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  const { config, role, clock, telemetry, stop, abandon } = options;
  const store = await Store.open(config.nats, clock, telemetry, stop);
  if (!store) return 'drained';
  const parts: Parts = {
    ...options,
    store,
    credentialsOf: credentialsCaches(clock, telemetry.credentialsFallback, telemetry.staleFile),
  };
  const halves = [
    ...(role === 'follow-up' ? [] : [createRelayHalf(parts)]),
    ...(role === 'relay' ? [] : [createFollowUpHalf(parts)]),
  ];
  const starting = Promise.all(halves.map((half) => half.start()));
  try {
    const stopAfterStart = starting.then(() => {
      if (!stop.aborted) telemetry.started();
      return aborted(stop);
    });
    await Promise.race([aborted(stop), aborted(abandon), store.closed(), stopAfterStart]);
    await Promise.race([starting, aborted(abandon)]);
    return await drain(parts, halves);
  } finally {
    await close(halves);
    await store.close();
  }
}

/** Begins nothing new, then finishes, gives back or, when the grace is over, abandons what is in flight. */
async function drain(
  { config, clock, telemetry, abandon, store }: Parts,
  halves: Half[],
): Promise<WorkerEnd> {
  const inFlight = (): number => halves.reduce((sum, half) => sum + half.inFlight, 0);
  let end: WorkerEnd = 'drained';
  const release = (): void => {
    for (const half of halves) half.release();
  };
  const abandonAll = (): void => {
    if (end === 'abandoned') return;
    end = 'abandoned';
    telemetry.abandoning(inFlight());
    for (const half of halves) half.abandon();
    // Ends the requests that are under way.
    void close(halves);
  };
  telemetry.stopping(inFlight(), config.stop.graceMs);
  const cancelRelease = clock.after(config.stop.graceMs * finishShare, release);
  const cancelAbandon = clock.after(config.stop.graceMs, abandonAll);
  if (abandon.aborted) abandonAll();
  abandon.addEventListener('abort', abandonAll);
  await Promise.all(halves.map((half) => half.stopped()));
  // A replica that still reaches NATS stores the rest sooner.
  if (!store.gate.isOpen) release();
  store.gate.onClose(release);
  await Promise.all(halves.map((half) => half.drained()));
  cancelRelease();
  cancelAbandon();
  abandon.removeEventListener('abort', abandonAll);
  return end;
}

async function close(halves: readonly Half[]): Promise<void> {
  await Promise.all(halves.map((half) => half.close()));
}
