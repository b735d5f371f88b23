/**
 * Where a program that is not ours is. The set-up, the demo and the tests all ask here, so the order of the
 * search is written once. Only Node built-ins: this runs before anything is installed.
 */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './run.mjs';

/**
 * The path of a program to run, or undefined when there is none: what its variable names, else PATH, else
 * where the distribution puts it, else the newest in the project's cache. Throws when the variable names no
 * executable file.
 */
export function findBinary({ name, variable, packagedPath, cache }, env) {
  const named = env[variable];
  if (named) {
    if (isExecutable(named)) return named;
    throw new SetupError(`${variable} names no executable file: ${named}`);
  }
  const onPath = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  const fileName = process.platform === 'win32' ? `${name}.exe` : name;
  const candidates = [
    ...onPath.map((folder) => join(folder, fileName)),
    join('/', packagedPath),
    findCached({ cache, packagedPath }) ?? '',
  ];
  return candidates.find(isExecutable);
}

/** The newest in the project's cache; undefined when there is none. */
export function findCached({ cache, packagedPath }) {
  return cachedVersions(cache)
    .map((version) => join(cache, version, packagedPath))
    .find(isExecutable);
}

/** Newest first. A name that starts with a dot is a download in progress. */
function cachedVersions(cache) {
  let names;
  try {
    names = readdirSync(cache);
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
