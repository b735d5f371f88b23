import type { Clock } from '../time.js';
import type { EventLoop } from './event-loop.js';
import { liveness, readiness, startup, type Health } from './health.js';
import type { Answer, Route } from './http-server.js';
import type { Ledger } from './ledger.js';
import type { Metrics } from './metrics.js';
import { paced } from './paced.js';
import type { WorkerState } from './state.js';
import { statusOf } from './status.js';

export interface EndpointSources {
  state: WorkerState;
  ledger: Ledger;
  metrics: Metrics;
  loop: EventLoop;
  clock: Clock;
}

/** The paths of a worker: probes answer 200 or 503, and always with the reason for each part. */
export function createEndpoints({
  state,
  ledger,
  metrics,
  loop,
  clock,
}: EndpointSources): ReadonlyMap<string, Route> {
  const metricsText = paced(clock, () => metrics.text());
  return new Map<string, Route>([
    ['/livez', () => probe(liveness(state, loop.delayMs))],
    ['/readyz', () => probe(readiness(state, clock))],
    ['/startupz', () => probe(startup(state))],
    ['/status', () => json(200, statusOf(state, ledger, { clock, loopDelayMs: loop.delayMs }))],
    ['/metrics', async () => ({ status: 200, contentType: metrics.contentType, body: await metricsText() })],
  ]);
}

function probe(health: Health): Answer {
  return json(health.ok ? 200 : 503, health);
}

function json(status: number, content: object): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content, undefined, 2)}\n` };
}
