#!/usr/bin/env node
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { outputFailed } from './commands/finish.js';
import type { StopSignals } from './commands/run.js';
import { ConfigError } from './config/config-error.js';
import { systemClock } from './time.js';

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const exitConfig = 78;

interface CommandEntry {
  description: string;
  /** A command loads the code that it runs, and no other's. */
  load: () => Promise<Command>;
  /** It calls MNS, VOD or NATS by name. */
  connects?: true;
}

const commands: Record<string, CommandEntry> = {
  run: {
    description:
      'relay events from the live queues to NATS JetStream, and follow them up in VOD, until stopped',
    load: async () => (await import('./commands/run.js')).runCommand(version, stopSignals),
    connects: true,
  },
  config: {
    description: 'check, print or document the configuration',
    load: async () => (await import('./commands/config.js')).configCommand(),
  },
  'dead-letters': {
    description: 'see why messages became dead letters, get their bytes out, drop them',
    load: async () =>
      (await import('./commands/dead-letters/dead-letters.js')).deadLettersCommand(stopSignals),
    connects: true,
  },
  replay: {
    description: 'publish what is in dead-letter queues, among the dead letters or in the stream, again',
    load: async () => (await import('./commands/replay.js')).replayCommand(stopSignals),
    connects: true,
  },
  doctor: {
    description:
      'hold the configuration against MNS, NATS and VOD, change nothing, and say what mends what is wrong',
    load: async () => (await import('./commands/doctor.js')).doctorCommand(),
    connects: true,
  },
  sandbox: {
    description: 'run a local MNS and VOD with faults on demand',
    load: async () => (await import('./commands/sandbox.js')).sandboxCommand(),
  },
  demo: {
    description: 'run the whole job here, against a sandbox with faults, and account for every message',
    load: async () => (await import('./commands/demo.js')).demoCommand(),
  },
};

// One signal ends all that is in flight, however much that is: no leak, and no line on stderr that is not
// JSON.
setMaxListeners(0);

// `run` writes its log past these streams, and goes on. Whatever standard error cannot take changes nothing.
process.stdout.on('error', outputFailed);
process.stderr.on('error', () => undefined);

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('vod-relay')
  .description('Relays ApsaraVideo VOD events from Alibaba Cloud MNS queues to NATS JetStream')
  .version(version);

try {
  for (const [name, entry] of Object.entries(commands)) program.addCommand(await commandOf(name, entry));
  await program.parseAsync();
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`vod-relay: ${message}\n`);
  process.exitCode = error instanceof ConfigError ? exitConfig : 1;
}

/** The command itself when it is asked for, or help about it; else its name and description. */
async function commandOf(name: string, { description, load, connects }: CommandEntry): Promise<Command> {
  const [first, second] = process.argv.slice(2);
  const isChosen = first === name || (first === 'help' && second === name);
  if (!isChosen) return new Command(name).description(description);
  if (connects) (await import('./network/install.js')).installNetwork(systemClock);
  return (await load()).description(description);
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
