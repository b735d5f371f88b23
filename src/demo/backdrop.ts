import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../config/read/environment.js';
import type { Sandbox } from '../sandbox/sandbox.js';

const main = fileURLToPath(new URL('../main.js', import.meta.url));

/**
 * Starts a nats-server of our own in `folder`, unless NATS_URL names one: the binary that NATS_SERVER_BIN
 * names, or the one on the PATH. @returns its URL and how to end it. @throws Error when there is none.
 */
export async function startNats(
  env: Environment,
  folder: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const given = env['NATS_URL'];
  if (given) return { url: given, stop: () => Promise.resolve() };
  const port = await freePort();
  const flags = ['-js', '-sd', join(folder, 'nats'), '-a', '127.0.0.1', '-p', String(port)];
  const binary = env['NATS_SERVER_BIN'] ?? 'nats-server';
  const server = spawn(binary, flags, { stdio: 'ignore' });
  await once(server, 'spawn').catch((cause: unknown) => {
    const advice = 'install nats-server, or name one in NATS_SERVER_BIN, or a running one in NATS_URL';
    throw new Error(`nats-server cannot be started (${(cause as Error).message}): ${advice}`, { cause });
  });
  return { url: `nats://127.0.0.1:${port}`, stop: () => end(server, 'SIGTERM') };
}

/** Short, so that one can watch an upload fall quiet. */
const quietPeriod = '6s';

/** The worker as users run it: a process of its own, with its log in `folder`. */
export interface WorkerRun {
  logFile: string;
  /** Stops it. @returns its last log line. @throws Error when it does not end well. */
  stop(): Promise<WorkerTotals>;
  kill(): void;
}

/** The line with which a worker ends. */
export interface WorkerTotals {
  cpuMs: number;
  totals: Record<string, Record<string, number>>;
}

export async function startWorker(
  folder: string,
  { url, accountId, accessKeyId, accessKeySecret }: Sandbox,
  nats: { url: string; prefix: string },
  queue: string,
): Promise<WorkerRun> {
  const configFile = join(folder, 'config.json');
  const config = {
    queues: [
      { name: queue, endpoint: url, vod: { region: 'cn-shanghai', account: accountId, endpoint: url } },
    ],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [nats.url], prefix: nats.prefix },
    followUp: { quietPeriod },
    http: { host: '127.0.0.1', port: 0 },
  };
  await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
  const logFile = join(folder, 'worker.log');
  const flags = [...process.execArgv, '--enable-source-maps'];
  const child = spawn(process.execPath, [...flags, main, 'run', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // None of the surroundings' settings besides the flags of node: the demo is the same everywhere.
    env: {},
  });
  const log = createWriteStream(logFile);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  return {
    logFile,
    async stop() {
      await end(child, 'SIGTERM');
      if (child.exitCode !== 0)
        throw new Error(`the worker exited with code ${child.exitCode ?? 'none'}: see ${logFile}`);
      const lines = (await readFile(logFile, 'utf8')).trim().split('\n');
      return JSON.parse(lines.at(-1) ?? '{}') as WorkerTotals;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'close');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
