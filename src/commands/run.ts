import { Command, Option } from 'commander';
import { loadConfigFromProcess } from '../config/load.js';
import { Ledger } from '../operate/ledger.js';
import { createLog } from '../operate/log.js';
import { createTelemetry } from '../operate/telemetry.js';
import { systemClock } from '../time.js';
import { runWorker, type Role } from '../worker/worker.js';

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
  return new Command('run')
    .description(
      'relay events from the live queues to NATS JetStream, and follow them up in VOD, until stopped',
    )
    .option('--config <file>', 'configuration file; repeatable, later files win', collect, [])
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
      const telemetry = createTelemetry(createLog(config.log.level), new Ledger());
      telemetry.starting(
        version,
        role,
        config.queues.filter(({ mode }) => mode === 'live').map(({ name }) => name),
      );
      const end = await runWorker({ config, role, clock: systemClock, telemetry, ...signals });
      const { user, system } = process.cpuUsage();
      telemetry.stopped(Math.round((user + system) / 1000));
      // All is said and done. A dial that NATS never answered would keep the process alive for minutes.
      process.exit(end === 'abandoned' ? 1 : 0);
    });
}

function collect(value: string, values: string[]): string[] {
  return [...values, value];
}
