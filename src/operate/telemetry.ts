import type { Clock } from '../time.js';
import { Bursts } from './bursts.js';
import { createConsumerTelemetry } from './consumer-telemetry.js';
import { codeOf, errorFacts } from './error-facts.js';
import { createFollowUpTelemetry } from './follow-up-telemetry.js';
import { Ledger } from './ledger.js';
import type { Logger } from './log.js';
import { createMessageTelemetry } from './message-telemetry.js';
import { createMetrics } from './metrics.js';
import { createNatsTelemetry } from './nats-telemetry.js';
import { Once } from './once.js';
import { createQueueTelemetry } from './queue-telemetry.js';
import { WorkerState } from './state.js';
import type { TelemetryParts, TelemetryTargets } from './telemetry-parts.js';

/**
 * One function for each thing that can happen to the worker: the only place that writes its log line, counts it and
 * notes it for the probes. A healthy worker writes nothing between its start and its stop. No line holds a body, a
 * handle or a credential.
 */
export function createTelemetry(targets: TelemetryTargets) {
  const bursts = new Bursts(targets.clock);
  const parts: TelemetryParts = { ...targets, once: new Once(targets.clock), bursts };
  const { log, errorLog, ledger, state, metrics, once } = parts;
  let linesLost = 0;
  const logFailed = (code: string): void => {
    once.tell('log', code, (more) => {
      errorLog?.error(
        { code, linesLost, ...more },
        'standard output cannot be written: up to 1 MiB of the log waits, the rest is lost; the work goes on',
      );
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
      log.info({ version, role, queues }, 'worker starting');
    },
    /** These variables name a proxy, and have no effect. */
    proxiesIgnored: (variables: readonly string[]) => {
      const advice =
        'allow direct connections to MNS, VOD, STS and NATS, or put a transparent proxy on the way; ' +
        'take the variables out of the pod to end this line';
      log.warn({ variables, advice }, 'proxy variables are ignored: MNS, VOD and STS are called directly');
    },
    /** Where probes and scrapes are answered. */
    serving: (host: string, port: number) => {
      log.info({ host, port }, 'answering probes and scrapes');
    },
    /** A path of the HTTP server threw; without a path, a connection could not be accepted. */
    answerFailed: (path: string | undefined, error: unknown) => {
      if (path === undefined) {
        once.tell('accept', codeOf(error), (more) => {
          log.error(
            { ...errorFacts(error), ...more },
            'a connection for probes and scrapes cannot be accepted: the work goes on; raise the limit of open files',
          );
        });
        return;
      }
      once.tell(`answer ${path}`, codeOf(error), (more) => {
        log.error(
          { path, ...errorFacts(error), ...more },
          'a question could not be answered: please report this',
        );
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
        log.warn({ linesLost }, 'standard output can be written again');
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
      log.info({ inFlight, graceMs }, 'stopping: nothing new is received; what is in flight is finished');
    },
    /** The last credentials have to do for now, since their source fails; or it gives some again (undefined). */
    credentialsFallback: (error: unknown) => {
      if (error === undefined) {
        once.over('credentials', (failures) => {
          log.info({ failures }, 'the source of credentials gives some again');
        });
        return;
      }
      // The text may quote what the source answered.
      const { code, name } = error as NodeJS.ErrnoException;
      once.tell('credentials', code ?? name, (more) => {
        log.warn(
          { code: code ?? name, ...more },
          'the source of credentials gives none: the last ones are used until they are refused; see to STS, the role or the metadata service',
        );
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
          log.info({ batches }, 'the collector takes spans again');
        });
      } else {
        once.tell('traces', codeOf(error), (more) => {
          log.warn(
            { spans, code: codeOf(error), ...more },
            'spans are lost: the collector that the OTEL_ variables name does not take them; messages are not held up',
          );
        });
      }
    },
    abandoning: (inFlight: number) => {
      log.error(
        { inFlight },
        'stopping at once: what is in flight is abandoned, and the queue hands it out again',
      );
    },
    stopped: (cpuMs: number) => {
      bursts.flush();
      log.info({ cpuMs, totals: ledger.totals(), followUps: ledger.followUps() }, 'worker stopped');
    },
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;

/** For a command that uses the parts of a worker and is none: its lines are written, its counts go nowhere. */
export function createCommandTelemetry(log: Logger, clock: Clock): Telemetry {
  const ledger = new Ledger();
  const state = new WorkerState(
    { version: '', role: 'command', queues: [], followsUp: false, accounts: [] },
    clock,
  );
  return createTelemetry({ log, ledger, state, metrics: createMetrics({ state, ledger, clock }), clock });
}
