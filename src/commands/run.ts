import { Command, Option } from 'commander';
import { withConfig } from './config-option.js';
import { loadConfigFromProcess, processEnvironment } from '../config/load.js';
import { ignoredProxies } from '../config/read/proxies.js';
import { createEndpoints } from '../operate/endpoints.js';
import { EventLoop } from '../operate/event-loop.js';
import { startHttpServer, type HttpServer } from '../operate/http-server.js';
import { Ledger } from '../operate/ledger.js';
import { LineOutput } from '../operate/line-output.js';
import { createSay } from '../operate/log-lines/log-lines.js';
import { createLog, type Logger } from '../operate/log.js';
import { createMetrics } from '../operate/metrics.js';
import { WorkerState } from '../operate/state.js';
import { createTelemetry } from '../operate/telemetry.js';
import { systemClock } from '../time.js';
import { queueLabels } from '../worker/queue-labels.js';
import { runWorker, type WorkerEnd } from '../worker/worker.js';
import type { Role } from '../worker/parts.js';

/** The two stops of a process: the first signal finishes what is in flight, the second gives up on it. */
export interface StopSignals {
  stop: AbortSignal;
  abandon: AbortSignal;
}

interface RunFlags {
  config: string[];
  role: Role;
}

/** `vod-relay run`: the daemon. Exits 0 when everything in flight was settled or given back, else 1. */
export function runCommand(version: string, listen: () => StopSignals): Command {
  return withConfig(new Command('run'))
    .addOption(
      new Option('--role <role>', 'which half to run')
        .choices(['both', 'relay', 'follow-up'] satisfies Role[])
        .default('both'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ vod-relay run --config config/default.yaml --config config/production.yaml' +
        '\n  $ vod-relay run --config config/default.yaml --role follow-up',
    )
    .action(async ({ config: files, role }: RunFlags) => {
      const config = loadConfigFromProcess(files, { requireLive: role !== 'follow-up' });
      const signals = listen();
      const clock = systemClock;
      const output = new LineOutput(1, clock, {
        failed: (code) => {
          telemetry.logFailed(code);
        },
        lost: (code) => {
          telemetry.logLineLost(code);
        },
        written: () => {
          telemetry.logWritten();
        },
      });
      const log = createLog(config.log.level, output);
      const errorLog = createLog('error', new LineOutput(2, clock, unheard));
      const followsUp = role !== 'relay';
      const queues = role === 'follow-up' ? [] : [...queueLabels(config.queues).values()];
      const accounts = followsUp ? [...new Set(config.queues.map(({ vod }) => vod.account))] : [];
      const state = new WorkerState({ version, role, queues, followsUp, accounts }, clock);
      const ledger = new Ledger();
      const metrics = createMetrics({ state, ledger, clock });
      const telemetry = createTelemetry({ log, errorLog, ledger, state, metrics, clock });
      const loop = new EventLoop(clock);
      const endpoints = createEndpoints({ state, ledger, metrics, loop, clock });
      toggleDebugOnSignal(log);
      telemetry.starting();
      const proxies = ignoredProxies(processEnvironment());
      if (proxies.length > 0) telemetry.proxiesIgnored(proxies);
      const tracing =
        config.traces.exporter === 'none'
          ? undefined
          : (await import('../operate/tracing.js')).createTracing({
              version,
              clock,
              onRecorded: telemetry.spanRecorded,
              onExported: telemetry.spansExported,
            });
      let end: WorkerEnd;
      let server: HttpServer | undefined;
      try {
        server = await startHttpServer(config.http, endpoints, telemetry.answerFailed, clock);
        telemetry.serving(server.host, server.port);
        end = await runWorker({ config, role, clock, telemetry, tracing, ...signals });
      } finally {
        // Either would keep a process alive that has failed.
        loop.close();
        await server?.close();
        await tracing?.close(signals.abandon);
      }
      const { user, system } = process.cpuUsage();
      telemetry.stopped(Math.round((user + system) / 1000));
      await output.end(lastLinesMs);
      // A poll or a dial that was abandoned would keep the process alive for minutes.
      process.exit(end === 'abandoned' ? 1 : 0);
    });
}

/** For a reader of the log that is slow; one that does not read holds up no exit. */
const lastLinesMs = 1_000;
/** Text that standard error does not take is lost. */
const unheard = { failed: () => undefined, lost: () => undefined, written: () => undefined };

/**
 * SIGUSR2 turns debug lines on, and back to the configured level; that of a worker that is at debug, to info.
 */
function toggleDebugOnSignal(log: Logger): void {
  const quiet = log.level === 'debug' ? 'info' : log.level;
  process.on('SIGUSR2', () => {
    const logLevel = log.level === 'debug' ? quiet : 'debug';
    // Said while both levels let it through.
    log.level = 'debug';
    createSay(log)('logLevelChanged', { logLevel });
    log.level = logLevel;
  });
}
