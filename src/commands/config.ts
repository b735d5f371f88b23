import { Command } from 'commander';
import { collect } from './config-option.js';

import type { Environment } from '../config/read/environment.js';
import { loadConfig, loadSources, processEnvironment } from '../config/load.js';
import { printSources } from '../config/print.js';
import { configTable } from '../config/schema/table.js';

export interface ConfigCommandIo {
  readonly env: Environment;
  readonly stdout: { write(text: string): unknown };
}

/**
 * `vod-relay config check | print | docs`: what the configuration is, without starting anything. `check` and
 * `print` reject with a ConfigError when it cannot be used.
 */
export function configCommand(
  { env, stdout }: ConfigCommandIo = { env: processEnvironment(), stdout: process.stdout },
): Command {
  const command = new Command('config');
  withFiles(command.command('check'))
    .description('say whether the configuration can be used; name every problem if not')
    .action(({ config }: FilesOption) => {
      const { queues } = loadConfig({ files: config, env });
      const live = queues.filter(({ mode }) => mode === 'live').length;
      stdout.write(`ok: ${queues.length} ${queues.length === 1 ? 'queue' : 'queues'}, ${live} live\n`);
    });
  withFiles(command.command('print'))
    .description('print the configuration in force as YAML, with the source of each key and no secrets')
    .action(({ config }: FilesOption) => {
      stdout.write(printSources(loadSources({ files: config, env })));
    });
  command
    .command('docs')
    .description('print a Markdown table of every key')
    .action(() => {
      stdout.write(configTable());
    });
  return command;
}

interface FilesOption {
  readonly config: readonly string[];
}

function withFiles(command: Command): Command {
  return command.option(
    '--config <file>',
    'a YAML or JSON file; repeatable, later ones win (else VOD_RELAY_CONFIG, separated by commas)',
    collect,
    [],
  );
}
