/** Compiles src to dist when dist is missing or older than the sources. Also `npm run build`. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './nats-server.mjs';
import { run, say, SetupError } from './run.mjs';

const dist = join(projectRoot, 'dist');
/**
 * Carries the moment at which the last good build began, so that an edit made during a build is not missed.
 */
const stamp = join(projectRoot, '.cache', 'built');
const compiler = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');

/** True when a build would change dist. */
export function distIsStale() {
  if (!existsSync(join(dist, 'main.js')) || !existsSync(stamp)) return true;
  const builtAtMs = statSync(stamp).mtimeMs;
  return newestMs(join(projectRoot, 'src')) > builtAtMs || mtimeMs('tsconfig.json') > builtAtMs;
}

/** Compiles, and removes from dist what no longer has a source. */
export async function build() {
  say('building dist');
  const startedAt = new Date();
  const { code, output } = await run(process.execPath, [compiler, '-p', projectRoot], { cwd: projectRoot });
  if (code !== 0) throw new SetupError(`the build failed:\n${output}`);
  removeOrphans(dist, join(projectRoot, 'src'));
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
}

/** Of files and folders: a deleted file shows in its folder's time only. */
function newestMs(folder) {
  let newest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function mtimeMs(name) {
  return statSync(join(projectRoot, name)).mtimeMs;
}

function removeOrphans(built, source) {
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(built, entry.name);
    if (entry.isDirectory() && existsSync(join(source, entry.name)))
      removeOrphans(path, join(source, entry.name));
    else if (entry.isDirectory() || !existsSync(join(source, entry.name.replace(/\.js(\.map)?$/, '.ts'))))
      rmSync(path, { recursive: true });
  }
}
