import type { Clock } from '../time.js';
import { readiness, timeOf } from './health.js';
import type { Ledger } from './ledger.js';
import type { QueueState, Trouble, WorkerState } from './state.js';

/**
 * `/status`: what the worker does now, for people. Times are ISO 8601 or null, rates are of the last minute.
 */
export function statusOf(
  state: WorkerState,
  ledger: Ledger,
  { clock, loopDelayMs }: { clock: Clock; loopDelayMs: number },
): object {
  const { plan, nats, followUp, phase, startedAtMs } = state;
  const { parts } = readiness(state, clock);
  const totals = ledger.totals();
  const queues = [...state.queues].map(([name, queue]) => {
    return [name, { ...parts[`queue ${name}`], ...queueStatus(queue, clock), totals: totals[name] ?? {} }];
  });
  return {
    version: plan.version,
    role: plan.role,
    phase,
    startedAt: timeOf(startedAtMs),
    uptimeSeconds: Math.round((clock.now() - startedAtMs) / 1000),
    eventLoopDelayMs: Math.round(loopDelayMs),
    nats: {
      ...parts['nats'],
      server: nats.server ?? null,
      receiving: receivingOf(nats, clock),
      lastError: errorOf(nats.trouble),
    },
    queues: Object.fromEntries(queues) as object,
    ...(plan.followsUp && {
      followUp: { ...parts['follow-up'], ...followUpStatus(followUp), totals: ledger.followUps() },
    }),
  };
}

/** Whether messages are received, by what can be stored. */
function receivingOf({ closed }: WorkerState['nats'], clock: Clock): object {
  if (!closed) return { state: 'open' };
  const { because, isReady, sinceMs } = closed;
  const seconds = secondsOf(clock.monotonicMs() - sinceMs);
  return { state: isReady ? 'one message at a time' : 'closed', because, seconds };
}

function queueStatus(queue: QueueState, clock: Clock): object {
  const { receiver, lag, received, settled, trouble } = queue;
  const silentMs = clock.now() - (queue.lastMessageAtMs ?? queue.waitingSinceMs);
  return {
    pollers: receiver?.pollers ?? 0,
    inFlight: receiver?.inFlight ?? 0,
    receivedPerSecond: received.perSecond,
    settledPerSecond: settled.perSecond,
    lagSeconds: secondsOf(lag.ms),
    lastPollAt: timeOf(queue.lastPollAtMs),
    lastMessageAt: timeOf(queue.lastMessageAtMs),
    secondsWithoutMessage: secondsOf(silentMs),
    lastSettledAt: timeOf(queue.lastSettledAtMs),
    lastError: errorOf(trouble),
  };
}

function followUpStatus({ backlog, clocks, settled, slowed, trouble }: WorkerState['followUp']): object {
  return {
    backlog: backlog?.waiting ?? null,
    oldestSeconds: backlog ? secondsOf(backlog.oldestMs) : null,
    settledPerSecond: settled.perSecond,
    slowedAccounts: [...slowed],
    clockAheadSeconds: Object.fromEntries(clocks) as object,
    lastError: errorOf(trouble),
  };
}

function errorOf(trouble: Trouble | undefined): object | null {
  if (!trouble) return null;
  const { code, message, advice, atMs } = trouble;
  return { code, message, advice, at: timeOf(atMs) };
}

function secondsOf(ms: number): number {
  return Math.round(ms / 100) / 10;
}
