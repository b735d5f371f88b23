/**
 * Makes a bare clone ready: node modules, dist, a nats-server binary, and promtool for the tests of the alert rules.
 * Idempotent, quiet when there is nothing to do, safe to run twice at once, and built on Node alone. `npm run setup`;
 * the other npm commands begin with it.
 *
 *   --accept-nats-url   the demo: NATS_URL, when set, is enough, and promtool is not needed
 */
import { join } from 'node:path';
import { build, distIsStale } from './build.mjs';
import { fetchBinary } from './fetch-binary.mjs';
import { withLock } from './lock.mjs';
import { findNatsServer, natsServer, projectRoot } from './nats-server.mjs';
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
  { isNeeded: () => !isDemo && findPromtool() === undefined, run: tryToFetchPromtool },
];

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

/** One file of tests needs it, and says so: that is no reason to keep everything else from running. */
async function tryToFetchPromtool() {
  try {
    await fetchBinary(promtool);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
  }
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
