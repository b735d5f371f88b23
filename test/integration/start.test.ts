/** A command loads no more than it runs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { projectRoot } from '../../deploy/local/nats-server.mjs';

const dist = pathToFileURL(join(projectRoot, 'dist/')).href;

/**
 * By the command line: the parts of the program that it may load, and the packages; undefined for those of
 * the others.
 */
const rows: [args: string[], parts: string[], packages: string[] | undefined][] = [
  [['--version'], ['main.js', 'commands', 'config', 'time.js'], ['commander']],
  [
    ['config', 'check', '--config', 'config/default.yaml'],
    ['main.js', 'commands', 'config', 'event', 'network', 'time.js'],
    ['commander', 'convict', 'lodash.clonedeep', 'yargs-parser', 'yaml'],
  ],
  [
    ['run', '--help'],
    [
      'main.js',
      'commands',
      'worker',
      'config',
      'network',
      'aliyun',
      'receive',
      'decode',
      'event',
      'nats',
      'relay',
      'follow-up',
      'operate',
      'time.js',
    ],
    undefined,
  ],
];

for (const [args, parts, packages] of rows) {
  t.test(`vod-relay ${args.slice(0, 2).join(' ')}`, async (t) => {
    const urls = loadedBy(t, args);
    const own = urls.filter((url) => !url.startsWith('node:') && !url.includes('/node_modules/'));
    t.ok(own.length > 0, 'it loads something');
    t.same(
      own.filter((url) => !parts.some((part) => url.startsWith(`${dist}${part}`))),
      [],
      'nothing of another part of the program',
    );
    const used = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.slice(1) ?? []);
    t.notOk(used.includes('cli-progress'), 'nor what only the demo and the replay show');
    if (packages)
      t.same(
        [...new Set(used)].filter((name) => !packages.includes(name)),
        [],
      );
  });
}

function loadedBy(t: Test, args: readonly string[]): string[] {
  const file = join(t.testdir(), 'modules');
  const list = pathToFileURL(join(projectRoot, 'test/support/list-modules.mjs')).href;
  try {
    execFileSync(process.execPath, [`--import=${list}`, 'dist/main.js', ...args], {
      cwd: projectRoot,
      env: { MODULES_FILE: file },
      stdio: 'ignore',
    });
  } catch {
    // The example needs what is told in the environment: what it loads is the same.
  }
  return readFileSync(file, 'utf8').trim().split('\n');
}
