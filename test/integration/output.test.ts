import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

type Stdout = 'full' | 'closed' | 'unread';
const main = join(projectRoot, 'dist', 'main.js');

interface Ran {
  stop(): void;
  ended: Promise<unknown[]>;
  stderr(): string;
}

/** Runs the program with a standard output that takes nothing, or not enough. */
function start(t: Test, stdout: Stdout, args: readonly string[]): Ran {
  const full = stdout === 'full' ? openSync('/dev/full', 'w') : undefined;
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', full ?? 'pipe', 'pipe'] });
  if (full !== undefined) closeSync(full);
  if (stdout === 'closed') child.stdout?.destroy();
  t.teardown(() => child.kill('SIGKILL'));
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { stop: () => child.kill('SIGTERM'), ended: once(child, 'exit'), stderr: () => text };
}

async function configOf(testbed: Testbed): Promise<string> {
  const { accessKeyId, accessKeySecret } = testbed.sandbox;
  const file = join(testbed.folder, 'output.json');
  const settings = {
    queues: [testbed.queue('vod-events')],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [testbed.nats.url] },
    http: { host: '127.0.0.1', port: 0 },
    log: { level: 'debug' },
  };
  await writeFile(file, JSON.stringify(settings));
  return file;
}

for (const stdout of ['full', 'closed', 'unread'] as const) {
  t.test(`a worker whose standard output is ${stdout} relays all, and stops with exit code 0`, async (t) => {
    await using testbed = await startTestbed();
    const { control } = testbed;
    // The lines of so many do not fit into a pipe.
    const count = stdout === 'unread' ? 1_200 : 20;
    const bodies = Array.from({ length: count }, (_, n) => ({ body: deletionBody({ MediaId: `m${n}` }) }));
    await control.feed('vod-events', bodies);
    const worker = start(t, stdout, ['run', '--role', 'relay', '--config', await configOf(testbed)]);
    const deleted = async (): Promise<number> => (await control.state()).queues['vod-events']?.deleted ?? 0;
    await until(async () => (await deleted()) === bodies.length, {
      what: 'all is relayed',
      timeoutMs: 100_000,
    });
    worker.stop();
    t.same(await worker.ended, [0, null]);
    const code = { full: 'ENOSPC', closed: 'EPIPE', unread: '' }[stdout];
    t.match(worker.stderr(), stdout === 'unread' ? /^$/ : new RegExp(`"code":"${code}".*goes on`));
    t.ok(worker.stderr().split('\n').length <= 2, 'and that once');
  });
}

t.test('a command says that its output cannot be written, and none when its reader has gone', async (t) => {
  const print = ['config', 'docs'];
  const full = start(t, 'full', print);
  t.same(await full.ended, [1, null]);
  t.match(full.stderr(), /^vod-relay: standard output cannot be written: ENOSPC.*\n$/);
  const closed = start(t, 'closed', print);
  t.same(await closed.ended, [141, null]);
  t.equal(closed.stderr(), '');
});
