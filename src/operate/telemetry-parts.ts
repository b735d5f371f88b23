import type { Clock } from '../time.js';
import type { Bursts } from './bursts.js';
import type { Ledger } from './ledger.js';
import type { Say } from './log-lines/log-lines.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { Once } from './once.js';
import type { WorkerState } from './state.js';

/** Where the telemetry tells what happens. */
export interface TelemetryTargets {
  log: Logger;
  /** For what the log itself cannot say. */
  errorLog?: Logger;
  ledger: Ledger;
  state: WorkerState;
  metrics: Metrics;
  clock: Clock;
}

/** As its parts use them, so that all of them tell a lasting trouble once. */
export interface TelemetryParts extends TelemetryTargets {
  say: Say;
  once: Once;
  bursts: Bursts;
}
