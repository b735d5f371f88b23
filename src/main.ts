#!/usr/bin/env node
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { configCommand } from './commands/config.js';
import { deadLettersCommand } from './commands/dead-letters/dead-letters.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { outputFailed } from './commands/finish.js';
import { replayCommand } from './commands/replay.js';
import { runCommand, type StopSignals } from './commands/run.js';
import { sandboxCommand } from './commands/sandbox.js';
import { ConfigError } from './config/config-error.js';
import { installNetwork } from './network/install.js';
import { systemClock } from './time.js';

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const exitConfig = 78;

// One signal ends all that is in flight, however much that is: no leak, and no line on stderr that is not JSON.
setMaxListeners(0);
installNetwork(systemClock);

// `run` writes its log past these streams, and goes on. Whatever standard error cannot take changes nothing.
process.stdout.on('error', outputFailed);
process.stderr.on('error', () => undefined);

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('vod-relay')
  .description('Relays ApsaraVideo VOD events from Alibaba Cloud MNS queues to NATS JetStream')
  .version(version)
  .addCommand(runCommand(version, stopSignals))
  .addCommand(configCommand())
  .addCommand(deadLettersCommand(stopSignals))
  .addCommand(replayCommand(stopSignals))
  .addCommand(doctorCommand())
  .addCommand(sandboxCommand())
  .addCommand(demoCommand());

try {
  await program.parseAsync();
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`vod-relay: ${message}\n`);
  process.exitCode = error instanceof ConfigError ? exitConfig : 1;
}

/** SIGTERM or SIGINT: the first asks for a stop, the second abandons. */
function stopSignals(): StopSignals {
  const stop = new AbortController();
  const abandon = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) abandon.abort();
    else stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { stop: stop.signal, abandon: abandon.signal };
}
