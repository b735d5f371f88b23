import { Command, InvalidArgumentError } from 'commander';
import type { DemoOptions } from '../demo/demo.js';

const leastEvents = 10_000;

/** `vod-relay demo`: exits 1 if the account of its messages does not balance. */
export function demoCommand(): Command {
  return new Command('demo')
    .option('--events <number>', `how many messages, at least ${leastEvents}`, parseEvents, leastEvents)
    .option('--seed <number>', 'repeat the faults of an earlier run', Number)
    .option('--json', 'print one line of JSON instead of text', false)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('../demo/demo.js');
      const { balanced } = await runDemo(options);
      if (!balanced) process.exitCode = 1;
    });
}

function parseEvents(text: string): number {
  const events = Number(text);
  if (!Number.isInteger(events) || events < leastEvents) {
    throw new InvalidArgumentError(`a whole number of at least ${leastEvents} is expected`);
  }
  return events;
}
