import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from '../../deploy/local/nats-server.mjs';
import { until } from './until.js';

export interface NatsServerOptions {
  /** Lines added to the generated configuration, in nats-server's own syntax (accounts, users, limits). */
  config?: string;
  auth?: { user: string; password: string } | { token: string };
  /** Paths of PEM files. With `verify`, clients must show a certificate that `caFile` signed. */
  tls?: { certFile: string; keyFile: string; caFile?: string; verify?: boolean };
  /** Another binary than the usual one. */
  binary?: string;
  /** Default 60 s. */
  healthyWithinMs?: number;
  /** Makes it a member of a cluster. It is told its name, and tells the port that the others reach it on. */
  cluster?: { server: string; routes: readonly string[]; onPort: (port: number) => void };
}

/** A real nats-server with JetStream, on ports and a store folder of its own. */
export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:port`; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** `http://127.0.0.1:port` of the monitoring endpoint. */
  readonly monitorUrl: string;
  /** SIGTERM, and waits for the end. The store stays. */
  stop(): Promise<void>;
  /** SIGKILL, and waits for the end. The store stays as it was at that moment. */
  kill(): Promise<void>;
  /**
   * Starts it again on the same ports and store, after a `stop` when it runs; resolves when it is healthy.
   */
  restart(): Promise<void>;
  /** SIGSTOP: the ports stay open, nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/**
 * Starts a server and resolves when it is healthy. `await using` (or disposing it) kills it and removes its
 * store. NATS_SERVER_BIN chooses another version.
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = options.binary ?? findNatsServer(process.env);
  if (binary === undefined) throw new Error('there is no nats-server: run `npm run setup`');
  const folder = await mkdtemp(join(tmpdir(), 'nats-server-'));
  await mkdir(join(folder, 'ports'));
  const { ports, ...first } = await firstStart(binary, folder, options);
  const monitorUrl = `http://127.0.0.1:${ports.monitor}`;
  let { running } = first;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    running.child.kill('SIGCONT');
    running.child.kill(signal);
    await running.ended;
  };
  return {
    url: `nats://127.0.0.1:${ports.client}`,
    port: ports.client,
    monitorUrl,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      running = await start(binary, folder);
      await untilHealthy(monitorUrl, running);
    },
    pause: () => running.child.kill('SIGSTOP'),
    resume: () => running.child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Ports {
  client: number;
  monitor: number;
  cluster: number;
}

interface Running {
  child: ChildProcess;
  ended: Promise<unknown>;
  /** Its output so far. */
  log(): string;
}

/** Learns the ports that the server took, and writes them down for the next start. */
async function firstStart(
  binary: string,
  folder: string,
  options: NatsServerOptions,
): Promise<{ running: Running; ports: Ports }> {
  let running: Running | undefined;
  try {
    await writeConfig(folder, options, { client: -1, monitor: -1, cluster: -1 });
    running = await start(binary, folder);
    const ports = await readPorts(folder, running);
    options.cluster?.onPort(ports.cluster);
    await writeConfig(folder, options, ports);
    await untilHealthy(`http://127.0.0.1:${ports.monitor}`, running, options.healthyWithinMs);
    return { running, ports };
  } catch (error) {
    running?.child.kill('SIGKILL');
    await running?.ended;
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(binary: string, folder: string): Promise<Running> {
  const child = spawn(binary, ['-c', join(folder, 'nats.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const killWithUs = (): unknown => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('exit', () => process.removeListener('exit', killWithUs));
  let log = '';
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-10_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await once(child, 'spawn');
  return { child, ended, log: () => log };
}

/** Port -1 lets the server itself take a free port, so that two test files never race for one. */
async function writeConfig(
  folder: string,
  { config, auth, tls, cluster }: NatsServerOptions,
  ports: Ports,
): Promise<void> {
  const lines = [
    `listen: "127.0.0.1:${ports.client}"`,
    `http: "127.0.0.1:${ports.monitor}"`,
    `ports_file_dir: ${JSON.stringify(join(folder, 'ports'))}`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))}, max_mem: 256MB, max_file: 8GB }`,
  ];
  if (auth) lines.push(`authorization ${JSON.stringify(auth)}`);
  if (tls) {
    const { certFile, keyFile, caFile, verify = false } = tls;
    const entries = { cert_file: certFile, key_file: keyFile, ...(caFile && { ca_file: caFile }), verify };
    lines.push(`tls ${JSON.stringify(entries)}`);
  }
  if (cluster) {
    const routes = JSON.stringify(cluster.routes);
    // The addresses that servers tell each other lead nowhere: the routes that they are given are the only
    // ones.
    const listen = `listen: "127.0.0.1:${ports.cluster}", advertise: "127.0.0.1:1", no_advertise: true`;
    lines.push(`server_name: ${cluster.server}`, `cluster { name: test, ${listen}, routes: ${routes} }`);
  }
  if (config) lines.push(config);
  await writeFile(join(folder, 'nats.conf'), `${lines.join('\n')}\n`);
}

async function readPorts(folder: string, running: Running): Promise<Ports> {
  const file = join(folder, 'ports', `nats-server_${running.child.pid ?? 0}.ports`);
  let written: { nats: string[]; monitoring: string[]; cluster?: string[] } = { nats: [], monitoring: [] };
  await untilAlive(running, 'its ports are known', async () => {
    written = JSON.parse(await readFile(file, 'utf8')) as typeof written;
    return true;
  });
  return {
    client: portOf(written.nats[0]),
    monitor: portOf(written.monitoring[0]),
    cluster: portOf(written.cluster?.[0]),
  };
}

function portOf(url: string | undefined): number {
  return Number(/:(\d+)$/.exec(url ?? '')?.[1]);
}

async function untilHealthy(monitorUrl: string, running: Running, timeoutMs?: number): Promise<void> {
  const probe = async (): Promise<boolean> => {
    const response = await fetch(`${monitorUrl}/healthz`);
    const answer = await response.text();
    if (!response.ok) throw new Error(answer);
    return true;
  };
  await untilAlive(running, 'it is healthy', probe, timeoutMs);
}

async function untilAlive(
  running: Running,
  what: string,
  probe: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const hasEnded = (): boolean => running.child.exitCode !== null || running.child.signalCode !== null;
  await until(() => hasEnded() || probe(), {
    what: `${what} (nats-server ${running.child.pid ?? 0})`,
    timeoutMs,
  });
  if (hasEnded()) throw new Error(`nats-server ended before ${what}:\n${running.log()}`);
}
