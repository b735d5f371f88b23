import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxControl } from '../../src/sandbox/control/control.js';
import type { QueueSpec, SandboxCredential } from '../../src/sandbox/control/types.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { startNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.js';
import { startWorkerProcess, type WorkerProcess } from './worker-process.js';

export const region = 'cn-shanghai';

export interface TestbedOptions {
  /** Default: one queue, `vod-events`. */
  queues?: readonly QueueSpec[];
  nats?: NatsServerOptions;
  /** Of the sandbox; the first is also what workers sign with. */
  credentials?: readonly SandboxCredential[];
  /** Where the sandbox's VOD writes its events; default: nowhere. */
  vodEventQueue?: string;
  seed?: number;
}

/** Which halves a worker runs. */
export type Role = 'both' | 'relay' | 'follow-up';

/**
 * The configuration of a worker besides the queues and the address of NATS. Sections replace the usual ones.
 */
export type ConfigOverrides = Readonly<Record<string, unknown>>;

/** A sandbox, a nats-server and as many workers as a test wants, all of them gone at the end of its scope. */
export interface Testbed extends AsyncDisposable {
  readonly nats: NatsServer;
  readonly sandbox: Sandbox;
  readonly control: SandboxControl;
  /** A folder for files of the test. */
  readonly folder: string;
  /** The element of `queues` that makes a worker receive from a queue of the sandbox, with quick polls. */
  queue(name: string, overrides?: ConfigOverrides): Record<string, unknown>;
  /** `vod-relay run` on a configuration for this testbed. */
  startWorker(
    overrides?: ConfigOverrides,
    role?: Role,
    env?: Readonly<Record<string, string>>,
  ): Promise<WorkerProcess>;
}

export async function startTestbed(options: TestbedOptions = {}): Promise<Testbed> {
  const queues = options.queues ?? [{ name: 'vod-events' }];
  const { credentials, vodEventQueue, seed } = options;
  const nats = await startNatsServer(options.nats);
  const folder = await mkdtemp(join(tmpdir(), 'vod-relay-test-'));
  const sandbox = await startSandbox({
    queues,
    ...(credentials && { credentials }),
    ...(vodEventQueue !== undefined && { vodEventQueue }),
    ...(seed !== undefined && { seed }),
  });
  const workers: WorkerProcess[] = [];

  const queue: Testbed['queue'] = (name, overrides = {}) => ({
    name,
    endpoint: sandbox.url,
    vod: { region, account: sandbox.accountId, endpoint: sandbox.url },
    receive: { wait: '1s' },
    ...overrides,
  });
  const { accessKeyId, accessKeySecret } = sandbox;
  const usual = {
    queues: queues.map(({ name }) => queue(name)),
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [nats.url] },
    http: { host: '127.0.0.1', port: 0 },
  };
  return {
    nats,
    sandbox,
    control: new SandboxControl(sandbox.url),
    folder,
    queue,
    async startWorker(overrides = {}, role = 'both', env = {}) {
      const file = join(folder, `config-${workers.length}.json`);
      await writeFile(file, JSON.stringify({ ...usual, ...overrides }));
      const worker = startWorkerProcess(['run', '--role', role, '--config', file], { env });
      workers.push(worker);
      return worker;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
      await sandbox.close();
      await nats[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
