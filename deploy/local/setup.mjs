/**
 * Makes a bare clone ready: node modules, dist, a nats-server binary, and promtool for the tests of the alert
 * rules. Idempotent, quiet when there is nothing to do, safe to run twice at once, and built on Node alone.
 * `npm run setup`; the other npm commands begin with it.
 *
 *   --accept-nats-url   the demo: NATS_URL, when set, is enough, and promtool is not needed
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, distIsStale } from './build.mjs';
import { fetchBinary } from './fetch-binary.mjs';
import { withLock } from './lock.mjs';
import {
  findMiddleNatsServer,
  findNatsServer,
  middleNatsServer,
  natsServer,
  projectRoot,
} from './nats-server.mjs';
import { installModules, modulesAreStale } from './node-modules.mjs';
import { findPromtool, promtool } from './promtool.mjs';
import { say, SetupError } from './run.mjs';

const isDemo = process.argv.includes('--accept-nats-url');
const natsUrlIsEnough = isDemo && Boolean(process.env.NATS_URL);

const steps = [
  { isNeeded: modulesAreStale, run: installModules },
  { isNeeded: distIsStale, run: build },
  {
    isNeeded: () => !natsUrlIsEnough && findNatsServer() === undefined,
    run: () => fetchBinary(natsServer),
  },
  { isNeeded: () => !isDemo && findPromtool() === undefined, run: () => tryToFetch(promtool) },
  { isNeeded: isMiddleWanted, run: tryToFetchMiddle },
];

/** Written when it cannot be had; it is tried again a day later. */
const middleTried = join(middleNatsServer.cache, '.tried');
const dayMs = 86_400_000;

function isReady() {
  return !steps.some((step) => step.isNeeded());
}

/** Every step looks again once the lock is held: another set-up may have done the work meanwhile. */
async function setUp() {
  if (isReady()) return;
  const startedMs = performance.now();
  await withLock(join(projectRoot, '.cache', 'setup.lock'), async () => {
    for (const step of steps) {
      if (step.isNeeded()) await step.run();
    }
  });
  say(`done in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
}

/** Some files of tests need it, and say so: that is no reason to keep everything else from running. */
async function tryToFetch(program) {
  try {
    await fetchBinary(program);
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    return false;
  }
}

/** Only a Debian with the keys of its archive can have it. */
function isMiddleWanted() {
  if (isDemo || findMiddleNatsServer() !== undefined || !existsSync(middleNatsServer.source.keyring))
    return false;
  const tried = statSync(middleTried, { throwIfNoEntry: false });
  return tried === undefined || Date.now() - tried.mtimeMs > dayMs;
}

async function tryToFetchMiddle() {
  if (await tryToFetch(middleNatsServer)) return;
  mkdirSync(middleNatsServer.cache, { recursive: true });
  writeFileSync(middleTried, '');
}

try {
  checkNodeVersion();
  await setUp();
} catch (error) {
  if (error instanceof SetupError) say(error.message);
  else say(error.stack);
  process.exitCode = 1;
}

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 18)) {
    throw new SetupError(`Node 20.18.1 or newer is needed; this is ${process.versions.node}`);
  }
}
