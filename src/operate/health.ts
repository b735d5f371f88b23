import type { Clock } from '../time.js';
import type { QueueState, Trouble, WorkerState } from './state.js';

/** One part of an answer; a part that is not well says why. What else it holds is for people. */
export interface PartHealth {
  ok: boolean;
  reason?: string;
  [figure: string]: unknown;
}

/** The answer of a probe: well when every part is. */
export interface Health {
  ok: boolean;
  parts: Record<string, PartHealth>;
}

/** A queue may fail for this long before it counts as unreachable: one bad answer among many is no outage. */
const mayFailMs = 5_000;
/** The loop was held up for so long that nothing can have gone on meanwhile. */
const loopDelayLimitMs = 60_000;

/**
 * `/livez`: false only when a restart would help. It looks at progress: polls return, messages in flight come
 * to an end, the event loop turns. An outage of MNS or NATS stops none of these.
 */
export function liveness({ queues }: WorkerState, loopDelayMs: number): Health {
  const loopFault =
    loopDelayMs > loopDelayLimitMs ? `held up for ${Math.round(loopDelayMs / 1000)} s` : undefined;
  const parts = { 'event loop': { ...partOf(loopFault), delayMs: Math.round(loopDelayMs) } };
  const ofQueues = [...queues].map(([name, { receiver, lastPollAtMs, lastSettledAtMs }]) => {
    const progress = { lastPollAt: timeOf(lastPollAtMs), lastSettledAt: timeOf(lastSettledAtMs) };
    return [`queue ${name}`, { ...partOf(receiver?.stuck), ...progress }] as const;
  });
  return wholeOf({ ...parts, ...Object.fromEntries(ofQueues) });
}

/** `/readyz`: the worker has started, NATS is connected and stores, each queue can be received from. */
export function readiness(state: WorkerState, clock: Clock): Health {
  const { queues, nats, followUp, plan } = state;
  const parts: Record<string, string | undefined> = {
    worker: workerFault(state),
    nats: natsFault(nats, clock),
  };
  for (const [name, queue] of queues) parts[`queue ${name}`] = queueFault(queue, clock);
  if (plan.followsUp) parts['follow-up'] = followUpFault(followUp);
  return healthOf(parts);
}

/**
 * `/startupz`: the worker has started, or is held up by something outside that a restart does not mend;
 * `/readyz` says by what.
 */
export function startup({ phase, nats, queues, startTrouble }: WorkerState): Health {
  const troubles = [nats.trouble, startTrouble, ...[...queues.values()].map(({ trouble }) => trouble)];
  const isBegun = phase !== 'starting' || troubles.some((trouble) => trouble !== undefined);
  return healthOf({ worker: isBegun ? undefined : 'starting' });
}

/** Why a queue is not received from; undefined when it is. */
export function queueFault({ receiver, trouble, pollFault }: QueueState, clock: Clock): string | undefined {
  if (!receiver) return `nothing is received from it yet${trouble ? `: ${wordsOf(trouble)}` : ''}`;
  if (!pollFault) return undefined;
  const failingMs = clock.monotonicMs() - pollFault.sinceMs;
  return failingMs < mayFailMs
    ? undefined
    : `every poll fails for ${Math.round(failingMs / 1000)} s: ${wordsOf(pollFault.trouble)}`;
}

function workerFault({ phase, startTrouble }: WorkerState): string | undefined {
  switch (phase) {
    case 'running':
      return undefined;
    case 'starting':
      return startTrouble ? `starting: ${wordsOf(startTrouble)}` : 'starting';
    case 'stopping':
      return 'stopping: nothing new is begun';
  }
}

function natsFault({ connected, closed, trouble }: WorkerState['nats'], clock: Clock): string | undefined {
  if (closed && !closed.isReady) {
    const closedMs = clock.monotonicMs() - closed.sinceMs;
    return `nothing can be stored for ${Math.round(closedMs / 1000)} s: ${closed.because}`;
  }
  if (connected) return undefined;
  return trouble ? `not connected: ${wordsOf(trouble)}` : 'not connected yet';
}

/** Why no follow-ups come from the stream; undefined when they do. */
export function followUpFault({ consumers, paused }: WorkerState['followUp']): string | undefined {
  if (consumers.size === 0) return 'no follow-ups are taken from the stream yet';
  const failing = [...consumers].flatMap(([consumer, fault]) =>
    fault ? [`consumer ${consumer}: ${fault}`] : [],
  );
  const pauses = [...paused].map(
    ([consumer, { stream, until }]) =>
      `consumer ${consumer}: paused until ${until}; nats consumer resume ${stream} ${consumer}`,
  );
  return [...failing, ...pauses].join('; ') || undefined;
}

/** As ISO 8601; null for never. */
export function timeOf(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}

function wordsOf({ message, advice }: Trouble): string {
  return advice === undefined ? message : `${message}; ${advice}`;
}

function healthOf(faults: Record<string, string | undefined>): Health {
  return wholeOf(Object.fromEntries(Object.entries(faults).map(([part, reason]) => [part, partOf(reason)])));
}

function partOf(reason: string | undefined): PartHealth {
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

function wholeOf(parts: Record<string, PartHealth>): Health {
  return { ok: Object.values(parts).every(({ ok }) => ok), parts };
}
