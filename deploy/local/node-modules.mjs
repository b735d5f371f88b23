import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './nats-server.mjs';
import { run, say, SetupError } from './run.mjs';

/** npm writes this file as the last act of an install, so it also tells an install that was cut short. */
const installedLock = join(projectRoot, 'node_modules', '.package-lock.json');

/** True when node_modules is missing, unfinished, or not what package-lock.json asks for. */
export function modulesAreStale() {
  const wantedLock = join(projectRoot, 'package-lock.json');
  try {
    if (statSync(installedLock).mtimeMs >= statSync(wantedLock).mtimeMs) return false;
    return !samePackages(wantedLock, installedLock);
  } catch {
    return true;
  }
}

/** A fresh checkout of an unchanged lock file is younger than the install, yet asks for nothing else. */
function samePackages(wantedLock, installedLock) {
  const wanted = Object.entries(readPackages(wantedLock)).filter(
    ([path, entry]) => path !== '' && !entry.optional,
  );
  const installed = readPackages(installedLock);
  return wanted.every(([path, entry]) => installed[path]?.integrity === entry.integrity);
}

function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** Dev dependencies too, whatever NODE_ENV says: the build needs the compiler. */
export async function installModules() {
  say('installing node modules');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args], { cwd: projectRoot })
    : await run('npm', args, { cwd: projectRoot });
  if (code !== 0) throw new SetupError(`npm ci failed (exit code ${code}):\n${output}`);
}
