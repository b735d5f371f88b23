import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { projectRoot } from '../../deploy/local/nats-server.mjs';

/**
 * The first line that a sample prints, which is run in a folder of the project, so that it finds the
 * packages.
 */
export async function firstLine(
  t: Test,
  sample: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(projectRoot, '.cache', `pages-${process.pid}`);
  await mkdir(folder, { recursive: true });
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'sample.mjs'), sample);
  const child = spawn(process.execPath, [join(folder, 'sample.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return line;
}
