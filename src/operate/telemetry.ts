import type { Clock } from '../time.js';
import { Bursts } from './bursts.js';
import { createConsumerTelemetry } from './consumer-telemetry.js';
import { codeOf, errorFacts } from './error-facts.js';
import { createFollowUpTelemetry } from './follow-up-telemetry.js';
import { Ledger } from './ledger.js';
import { createSay } from './log-lines/log-lines.js';
import type { Logger } from './log.js';
import { createMessageTelemetry } from './message-telemetry.js';
import { createMetrics } from './metrics.js';
import { createNatsTelemetry } from './nats-telemetry.js';
import { Once } from './once.js';
import { createQueueTelemetry } from './queue-telemetry.js';
import { WorkerState } from './state.js';
import type { TelemetryParts, TelemetryTargets } from './telemetry-parts.js';

/**
 * One function for each thing that can happen to the worker: the only place that writes its log line, counts
 * it and notes it for the probes. A healthy worker writes nothing between its start and its stop. No line
 * holds a body, a handle or a credential.
 */
export function createTelemetry(targets: TelemetryTargets) {
  const bursts = new Bursts(targets.clock);
  const parts: TelemetryParts = {
    ...targets,
    once: new Once(targets.clock),
    bursts,
    say: createSay(targets.log),
  };
  const { say, errorLog, ledger, state, metrics, once } = parts;
  let linesLost = 0;
  const logFailed = (code: string): void => {
    once.tell('log', code, (more) => {
      if (errorLog) createSay(errorLog)('logBlocked', { code, linesLost, ...more });
    });
  };

  return {
    ...createQueueTelemetry(parts),
    ...createMessageTelemetry(parts),
    ...createNatsTelemetry(parts),
    ...createFollowUpTelemetry(parts),
    ...createConsumerTelemetry(parts),
    starting: () => {
      const { version, role, queues } = state.plan;
      say('workerStarting', { version, role, queues });
    },
    /** These variables name a proxy, and have no effect. */
    proxiesIgnored: (variables: readonly string[]) => {
      say('proxyIgnored', { variables });
    },
    /** Where probes and scrapes are answered. */
    serving: (host: string, port: number) => {
      say('httpListening', { host, port });
    },
    /** A path of the HTTP server threw; without a path, a connection could not be accepted. */
    answerFailed: (path: string | undefined, error: unknown) => {
      if (path === undefined) {
        once.tell('accept', codeOf(error), (more) => {
          say('httpAcceptFailed', { ...errorFacts(error), ...more });
        });
        return;
      }
      once.tell(`answer ${path}`, codeOf(error), (more) => {
        say('httpAnswerFailed', { path, ...errorFacts(error), ...more });
      });
    },
    /** Lines of the log cannot be written, for now. */
    logFailed,
    logLineLost: (code: string) => {
      linesLost++;
      metrics.logLineLost();
      logFailed(code);
    },
    logWritten: () => {
      once.over('log', () => {
        say('logRecovered', { linesLost });
        linesLost = 0;
      });
    },
    /** All halves are under way. */
    started: () => {
      state.startTrouble = undefined;
      if (state.phase === 'starting') state.phase = 'running';
    },
    stopping: (inFlight: number, graceMs: number) => {
      state.phase = 'stopping';
      say('workerStopping', { inFlight, graceMs });
    },
    /**
     * The last credentials have to do for now, since their source fails; or it gives some again (undefined).
     */
    credentialsFallback: (error: unknown) => {
      if (error === undefined) {
        once.over('credentials', (failures) => {
          say('credentialsRecovered', { failures });
        });
        return;
      }
      // The text may quote what the source answered.
      const { code, name } = error as NodeJS.ErrnoException;
      once.tell('credentials', code ?? name, (more) => {
        say('credentialsFailed', { code: code ?? name, ...more });
      });
    },
    spanRecorded: () => {
      metrics.spans('recorded', 1);
    },
    /** A batch of spans was taken by the collector, or is lost. */
    spansExported: (spans: number, error?: unknown) => {
      metrics.spans(error === undefined ? 'exported' : 'failed', spans);
      if (error === undefined) {
        once.over('traces', (batches) => {
          say('spansRecovered', { batches });
        });
      } else {
        once.tell('traces', codeOf(error), (more) => {
          say('spansLost', { spans, code: codeOf(error), ...more });
        });
      }
    },
    abandoning: (inFlight: number) => {
      say('workerAbandoning', { inFlight });
    },
    stopped: (cpuMs: number) => {
      bursts.flush();
      say('workerStopped', { cpuMs, totals: ledger.totals(), followUps: ledger.followUps() });
    },
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;

/**
 * For a command that uses the parts of a worker and is none: its lines are written, its counts go nowhere.
 */
export function createCommandTelemetry(log: Logger, clock: Clock): Telemetry {
  const ledger = new Ledger();
  const state = new WorkerState(
    { version: '', role: 'command', queues: [], followsUp: false, accounts: [] },
    clock,
  );
  return createTelemetry({ log, ledger, state, metrics: createMetrics({ state, ledger, clock }), clock });
}
