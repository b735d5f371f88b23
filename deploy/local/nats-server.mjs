import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary, findCached } from './binary.mjs';

/** The project's root folder: the one that holds package.json. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const natsServer = {
  name: 'nats-server',
  /** Names a binary, before any search. */
  variable: 'NATS_SERVER_BIN',
  /** The packages of the distribution that may hold it, the best first. */
  packages: ['nats-server'],
  /** The path inside the package, which is not on an ordinary user's PATH. */
  packagedPath: join('usr', 'sbin', 'nats-server'),
  /** Where the set-up unpacks it: one folder for each version. */
  cache: join(projectRoot, '.cache', 'nats-server'),
  install: { darwin: 'brew install nats-server', win32: 'scoop install main/nats-server' },
  otherWays: [
    'or set NATS_SERVER_BIN to the path of a nats-server binary, 2.9.10 or newer',
    'or, for the demo only, use a server that is already running:',
    '  docker run --rm -p 127.0.0.1:4222:4222 nats:latest -js',
    '  NATS_URL=nats://127.0.0.1:4222 npm run demo',
  ],
};

/**
 * The binary to run, or undefined when there is none. Throws when NATS_SERVER_BIN names no executable file.
 */
export function findNatsServer(env = process.env) {
  return findBinary(natsServer, env);
}

/**
 * Of Debian 13, whatever the system is: what differs between versions is tried with it where it can be had.
 */
export const middleNatsServer = {
  ...natsServer,
  source: { suite: 'trixie', keyring: '/usr/share/keyrings/debian-archive-keyring.gpg' },
  variable: 'NATS_SERVER_2_10_BIN',
  cache: join(projectRoot, '.cache', 'nats-server-2.10'),
};

/** The binary that its variable names, or the one in the cache; undefined when there is none. */
export function findMiddleNatsServer(env = process.env) {
  return env[middleNatsServer.variable] || findCached(middleNatsServer);
}

/**
 * The servers to try what differs between versions: the usual one, and 2.10 where it is named or in the
 * cache.
 */
export function promisedNatsServers(env = process.env) {
  const middle = findMiddleNatsServer(env);
  return [
    { version: 'as usual', binary: findNatsServer(env) },
    ...(middle === undefined ? [] : [{ version: '2.10', binary: middle }]),
  ];
}
