/**
 * Builds the image and runs it as Kubernetes does: 128 MiB, read-only, uid 1000, no capability. It has to
 * answer its probes, to relay a burst of messages within its memory, and to exit 0 on SIGTERM. Prints the
 * size of the image and the memory at rest, at the most, and after the burst. Linux with Docker or Podman.
 *
 *   CONTAINER_ENGINE   docker or podman; default: the first that answers
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findNatsServer, projectRoot } from './local/nats-server.mjs';

const image = 'localhost/vod-relay:image-test';
const memory = '128m';
/** Events of the burst. */
const burst = 5_000;
const engine = findEngine();
const folder = mkdtempSync(join(tmpdir(), 'vod-relay-image-'));
const containers = [];
let natsServer;

try {
  await main();
} finally {
  for (const id of containers) call(['rm', '--force', id]);
  natsServer?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  build();
  const size = Number(must(['image', 'inspect', image, '--format', '{{.Size}}']));
  const natsPort = await startNats();
  const sandbox = await startSandbox();
  writeConfig(sandbox, natsPort);

  const httpPort = await freePort();
  const worker = start(
    ['run', '--config', '/etc/vod-relay/relay.yaml'],
    ['-v', `${folder}:/etc/vod-relay:ro`, '--env', `VOD_RELAY_HTTP_PORT=${httpPort}`],
  );
  const get = (path) => fetch(`http://127.0.0.1:${httpPort}${path}`);
  await until('it is ready', async () => (await get('/readyz').catch(() => undefined))?.ok);
  check('it holds itself to be alive and started', (await get('/livez')).ok && (await get('/startupz')).ok);
  check('its HEALTHCHECK finds it healthy', isHealthy(worker));
  checkRights(worker);
  // A young process has yet to give back what its start needed.
  await wait(10_000);
  const rest = memoryOf(worker);

  await feed(sandbox);
  await until('the burst is relayed', async () => {
    check('its HEALTHCHECK finds it healthy', isHealthy(worker), { quietly: true });
    return (await deleted(sandbox)) === burst + 1;
  });
  const metrics = await (await get('/metrics')).text();
  const settled = (outcome) => settledIn(metrics, outcome);
  check(
    `${burst} events are published, and what is none is a dead letter`,
    settled('published') === burst && settled('dead-lettered') === 1,
  );
  const after = memoryOf(worker);

  const startedMs = performance.now();
  must(['stop', '--time', '40', worker]);
  const stopMs = performance.now() - startedMs;
  check('SIGTERM ends it with 0', must(['inspect', worker, '--format', '{{.State.ExitCode}}']) === '0');
  console.log(`image             ${mib(size)}`);
  console.log(
    `memory at rest    ${mib(rest.resident)} resident; ${mib(rest.workingSet)} of ${memory} in use`,
  );
  console.log(
    `after the burst   ${mib(after.resident)} resident; ${mib(after.workingSet)} in use, at most ${mib(after.peak)} with files`,
  );
  console.log(`stop              ${(stopMs / 1000).toFixed(1)} s`);
}

function checkRights(worker) {
  const status = must(['exec', worker, 'cat', '/proc/1/status']);
  check('it runs as uid 1000', /^Uid:\s+1000\s+1000/m.test(status));
  check('it has no capability', /^CapEff:\s+0+$/m.test(status) && /^CapBnd:\s+0+$/m.test(status));
  check('it cannot gain privileges', /^NoNewPrivs:\s+1$/m.test(status));
  check('its files are read-only', call(['exec', worker, 'touch', '/app/a-file']).status !== 0);
}

/** Runs the command of the HEALTHCHECK by itself: Podman needs systemd to do so. */
function isHealthy(worker) {
  const [, ...command] = JSON.parse(
    must(['image', 'inspect', image, '--format', '{{json .Config.Healthcheck.Test}}']),
  );
  return call(['exec', worker, ...command]).status === 0;
}

/**
 * In bytes: what the worker itself has in memory, and what counts against the limit of its container, without
 * the files that can be dropped; `peak` has them. The cgroup is of version 2 or 1.
 */
function memoryOf(worker) {
  const read = (...paths) =>
    must(['exec', worker, 'sh', '-c', paths.map((path) => `cat ${path} 2>/dev/null`).join(' || ')]);
  const [v2, v1] = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory'];
  const inUse = Number(read(`${v2}/memory.current`, `${v1}/memory.usage_in_bytes`));
  const files = /^(?:total_)?inactive_file (\d+)$/m.exec(read(`${v1}/memory.stat`, `${v2}/memory.stat`));
  return {
    resident: Number(/^VmRSS:\s+(\d+)/m.exec(read('/proc/1/status'))?.[1]) * 2 ** 10,
    workingSet: inUse - Number(files?.[1]),
    peak: Number(read(`${v2}/memory.peak`, `${v1}/memory.max_usage_in_bytes`)),
  };
}

function settledIn(metrics, outcome) {
  const line = new RegExp(`^vod_relay_messages_settled_total\\{.*outcome="${outcome}".*\\} (\\d+)$`, 'm');
  return Number(line.exec(metrics)?.[1]);
}

function mib(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function build() {
  const flags =
    engine === 'podman'
      ? ['--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--layers']
      : [];
  const args = ['build', ...flags, '--file', 'deploy/Dockerfile', '--tag', image, '.'];
  const { status, stdout, stderr } = spawnSync(engine, args, { cwd: projectRoot, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the image does not build:\n${stdout}${stderr}`);
}

/**
 * @returns the id of a container that is held as deploy/k8s/base/deployment.yaml holds it, and in half of its
 * memory.
 */
function start(args, flags = []) {
  const held = ['--memory', memory, '--memory-swap', memory, '--pids-limit', '100', '--read-only'];
  const rights = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'host'];
  const health = engine === 'podman' ? ['--no-healthcheck'] : [];
  const id = must(['run', '--detach', ...held, ...rights, ...health, ...flags, image, ...args]);
  containers.push(id);
  return id;
}

/** On the machine itself: the image has none. @returns its port. */
async function startNats() {
  const port = await freePort();
  const args = [
    '--addr',
    '127.0.0.1',
    '--port',
    String(port),
    '--jetstream',
    '--store_dir',
    join(folder, 'nats'),
  ];
  natsServer = spawn(findNatsServer(), args, { stdio: 'ignore' });
  return port;
}

/** @returns what it says of itself: `url`, `accountId`, and a key. */
async function startSandbox() {
  const id = start(['sandbox', '--queue', 'vod-events', '--json']);
  const line = await until('the sandbox is there', () => must(['logs', id]).match(/^\{.*\}$/m)?.[0]);
  return JSON.parse(line);
}

function writeConfig({ url, accountId, accessKeyId, accessKeySecret }, natsPort) {
  const vod = { region: 'cn-shanghai', account: accountId, endpoint: url };
  const config = {
    queues: [{ name: 'vod-events', endpoint: url, vod, receive: { wait: '1s' } }],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [`nats://127.0.0.1:${natsPort}`] },
  };
  // JSON is YAML too.
  writeFileSync(join(folder, 'relay.yaml'), JSON.stringify(config));
  chmodSync(folder, 0o755);
}

/** A burst of deletions, and one message that is none. */
async function feed({ url }) {
  const deletions = Array.from({ length: burst }, (_, n) => ({
    EventType: 'DeleteMediaComplete',
    EventTime: new Date().toISOString(),
    Status: 'success',
    MediaType: 'video',
    DeleteType: 'all',
    MediaId: `image-test-${n}`,
  }));
  const messages = [...deletions.map((event) => JSON.stringify(event)), 'no event'];
  const response = await fetch(`${url}/sandbox/queues/vod-events/messages`, {
    method: 'POST',
    body: JSON.stringify({ messages: messages.map((body) => ({ body })) }),
  });
  if (!response.ok) throw new Error(`the sandbox does not take the messages: ${await response.text()}`);
}

async function deleted({ url }) {
  const state = await (await fetch(`${url}/sandbox/state`)).json();
  return state.queues['vod-events'].deleted;
}

async function until(what, probe) {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const result = await probe();
    if (result) return result;
    if (performance.now() > deadlineMs) {
      const logs = containers.map((id) => Object.values(call(['logs', id])).join('\n')).join('\n');
      throw new Error(`timed out waiting until ${what}\n${logs}`);
    }
    await wait(200);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function check(what, isSo, { quietly = false } = {}) {
  if (!isSo) throw new Error(`not so: ${what}`);
  if (!quietly) console.log(`ok                ${what}`);
}

function findEngine() {
  const candidates = process.env.CONTAINER_ENGINE ? [process.env.CONTAINER_ENGINE] : ['docker', 'podman'];
  const found = candidates.find((name) => spawnSync(name, ['info']).status === 0);
  if (found === undefined) throw new Error(`none of these answers: ${candidates.join(', ')}`);
  return found;
}

function call(args) {
  const { status, stdout, stderr } = spawnSync(engine, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function must(args) {
  const { status, stdout, stderr } = call(args);
  if (status !== 0) throw new Error(`${engine} ${args.join(' ')}\n${stderr}`);
  return stdout.trim();
}
