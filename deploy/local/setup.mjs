/**
 * Makes a bare clone ready: node modules, dist, and a nats-server binary. Idempotent, quiet when there is nothing
 * to do, safe to run twice at once, and built on Node alone. `npm run setup`; the other npm commands begin with it.
 *
 *   --accept-nats-url   NATS_URL, when set, is enough: no binary is looked for (the demo)
 */
import { join } from 'node:path';
import { build, distIsStale } from './build.mjs';
import { fetchNatsServer } from './fetch-nats-server.mjs';
import { withLock } from './lock.mjs';
import { findNatsServer, projectRoot } from './nats-server.mjs';
import { installModules, modulesAreStale } from './node-modules.mjs';
import { say, SetupError } from './run.mjs';

const natsUrlIsEnough = process.argv.includes('--accept-nats-url') && Boolean(process.env.NATS_URL);

const steps = [
  { isNeeded: modulesAreStale, run: installModules },
  { isNeeded: distIsStale, run: build },
  { isNeeded: () => !natsUrlIsEnough && findNatsServer() === undefined, run: fetchNatsServer },
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
