import { Ledger } from '../../../src/operate/ledger.js';
import { createLog, type LogLevel } from '../../../src/operate/log.js';
import { createMetrics } from '../../../src/operate/metrics.js';
import { WorkerState, type ReceiverView } from '../../../src/operate/state.js';
import { createTelemetry } from '../../../src/operate/telemetry.js';
import { manualClock } from '../../support/manual-clock.js';
import { samplesOf, type Sample } from '../../support/worker-http.js';

/** A worker as far as its operator can see it, on a clock that the test moves. */
export function openParts({
  level = 'info',
  queues = ['orders'],
}: { level?: LogLevel; queues?: string[] } = {}) {
  const clock = manualClock(Date.parse('2026-03-20T08:00:00Z'));
  const plan = { version: '1.2.3', role: 'both', queues, followsUp: true, accounts: ['1'] };
  const state = new WorkerState(plan, clock);
  const ledger = new Ledger();
  const metrics = createMetrics({ state, ledger, clock });
  const lines: Record<string, unknown>[] = [];
  const log = createLog(level, {
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const telemetry = createTelemetry({ log, ledger, state, metrics, clock });
  const scrape = async (): Promise<Sample[]> => samplesOf(await metrics.text());
  return { clock, state, ledger, metrics, telemetry, lines, scrape };
}

export const idleReceiver: ReceiverView = { inFlight: 0, pollers: 1, stuck: undefined };

export function message(messageId = 'M1', attempt = 1): { messageId: string; attempt: number } {
  return { messageId, attempt };
}
