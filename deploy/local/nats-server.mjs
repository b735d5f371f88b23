/**
 * Where the nats-server binary is. The set-up, the demo and the tests all ask here, so the order of the search
 * is written once. Only Node built-ins: this runs before anything is installed.
 */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './run.mjs';

/** The project's root folder: the one that holds package.json. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where the set-up unpacks nats-server: one folder for each version. */
export const natsServerCache = join(projectRoot, '.cache', 'nats-server');

/** The path inside the distribution's package, which is not on an ordinary user's PATH. */
export const packagedPath = join('usr', 'sbin', 'nats-server');

const executableName = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

/** The binary to run, or undefined when there is none. Throws when NATS_SERVER_BIN names no executable file. */
export function findNatsServer(env = process.env) {
  if (env.NATS_SERVER_BIN) {
    if (isExecutable(env.NATS_SERVER_BIN)) return env.NATS_SERVER_BIN;
    throw new SetupError(`NATS_SERVER_BIN names no executable file: ${env.NATS_SERVER_BIN}`);
  }
  const onPath = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = [
    ...onPath.map((folder) => join(folder, executableName)),
    '/usr/sbin/nats-server',
    ...cachedVersions().map((version) => join(natsServerCache, version, packagedPath)),
  ];
  return candidates.find(isExecutable);
}

/** Newest first. A name that starts with a dot is a download in progress. */
function cachedVersions() {
  let names;
  try {
    names = readdirSync(natsServerCache);
  } catch {
    return [];
  }
  const newestFirst = new Intl.Collator('en', { numeric: true });
  return names.filter((name) => !name.startsWith('.')).sort((a, b) => newestFirst.compare(b, a));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
