import type { Config } from './config.js';
import { ConfigError } from './config-error.js';
import type { Environment } from './read/environment.js';
import { readSources, type Sources } from './read/read.js';
import { toConfig } from './to-config.js';

export interface LoadOptions {
  /** Config files, weakest first; VOD_RELAY_CONFIG is asked when there are none. */
  readonly files: readonly string[];
  readonly env: Environment;
  /** True where a configuration without a live queue has nothing to do. */
  readonly requireLive?: boolean;
}

/**
 * The configuration of defaults, files and environment, each stronger than the one before. Throws a
 * ConfigError with every problem there is.
 */
export function loadConfig(options: LoadOptions): Config {
  return toConfig(loadSources(options));
}

/** As loadConfig, with the environment of this process. */
export function loadConfigFromProcess(
  files: readonly string[],
  options: { readonly requireLive?: boolean } = {},
): Config {
  return loadConfig({ ...options, files, env: processEnvironment() });
}

/** The environment of this process, for commands: only this folder and main.ts may look at it. */
export function processEnvironment(): Environment {
  return process.env;
}

/** The sources of loadConfig, for `config print`. Throws as loadConfig does. */
export function loadSources({ files, env, requireLive = false }: LoadOptions): Sources {
  const sources = readSources(files, env);
  const problems = [...sources.problems];
  if (requireLive && sources.queues.length > 0 && !sources.queues.some(isLive)) {
    problems.push('queues: at least one must have mode live');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return sources;
}

function isLive({ section }: Sources['queues'][number]): boolean {
  return section.values.mode === 'live';
}
