import type { Command } from 'commander';

/** Adds `--config <file>`: an array of files, weakest first, empty without one. */
export function withConfig(command: Command): Command {
  return command.option('--config <file>', 'configuration file; repeatable, later files win', collect, []);
}

/** For an option that may be given several times. */
export function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}
