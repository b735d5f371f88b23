import { join } from 'node:path';
import { findBinary } from './binary.mjs';
import { projectRoot } from './nats-server.mjs';

/** Checks alert rules; comes with Prometheus. As `natsServer`. */
export const promtool = {
  name: 'promtool',
  variable: 'PROMTOOL_BIN',
  // Newer distributions have it in a package of its own.
  packages: ['promtool', 'prometheus'],
  packagedPath: join('usr', 'bin', 'promtool'),
  cache: join(projectRoot, '.cache', 'promtool'),
  install: { darwin: 'brew install prometheus', win32: 'scoop install main/prometheus' },
  otherWays: ['or set PROMTOOL_BIN to the path of a promtool binary, 2.42 or newer'],
};

/** The binary to run, or undefined when there is none. Throws when PROMTOOL_BIN names no executable file. */
export function findPromtool(env = process.env) {
  return findBinary(promtool, env);
}
