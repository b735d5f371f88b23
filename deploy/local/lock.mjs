/**
 * One set-up at a time in one checkout. The holder touches its lock folder every second, so a lock whose
 * holder was killed is seen to be old, also from another container that shares the folder but not the process
 * ids.
 */
import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const staleAfterMs = 20_000;

/** Runs `work` while holding the lock at `path`; waits as long as another process holds it. */
export async function withLock(path, work) {
  await mkdir(dirname(path), { recursive: true });
  await acquire(path);
  const heartbeat = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => {});
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { recursive: true, force: true });
  }
}

async function acquire(path) {
  let said = false;
  for (;;) {
    try {
      await mkdir(path);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (await isStale(path)) {
      await removeStale(path);
      continue;
    }
    if (!said) console.error('set-up: waiting for another set-up in this folder');
    said = true;
    await wait(200);
  }
}

async function isStale(path) {
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

/** By a rename, so that of two processes that see the same stale lock only one removes it. */
async function removeStale(path) {
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if (await isStale(aside)) await rm(aside, { recursive: true, force: true });
  else await rename(aside, path).catch(() => rm(aside, { recursive: true, force: true }));
}
