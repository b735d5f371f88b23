/**
 * Builds the image and runs it as Kubernetes does: 128 MiB, read-only, uid 1000, no capability. It has to relay a
 * message and to exit 0 on SIGTERM. Prints the size of the image and the memory at rest. Linux with Docker or Podman.
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

  const worker = start(
    ['run', '--config', '/etc/vod-relay/relay.yaml'],
    ['-v', `${folder}:/etc/vod-relay:ro`],
  );
  await feed(sandbox);
  await until('the message is relayed', async () => (await deleted(sandbox)) === 1);
  const status = must(['exec', worker, 'cat', '/proc/1/status']);
  check('it runs as uid 1000', /^Uid:\s+1000\s+1000/m.test(status));
  check('it has no capability', /^CapEff:\s+0+$/m.test(status) && /^CapBnd:\s+0+$/m.test(status));
  check('it cannot gain privileges', /^NoNewPrivs:\s+1$/m.test(status));
  check('its files are read-only', call(['exec', worker, 'touch', '/app/a-file']).status !== 0);
  // A young process has yet to give back what its start needed.
  await wait(10_000);
  const rest = must(['exec', worker, 'cat', '/proc/1/status']);
  const restMib = (name) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rest)?.[1]) / 2 ** 10).toFixed(0);

  const startedMs = performance.now();
  must(['stop', '--time', '40', worker]);
  const stopMs = performance.now() - startedMs;
  check('SIGTERM ends it with 0', must(['inspect', worker, '--format', '{{.State.ExitCode}}']) === '0');
  console.log(`image             ${(size / 2 ** 20).toFixed(0)} MiB`);
  console.log(
    `memory at rest    ${restMib('VmRSS')} MiB resident, ${restMib('RssAnon')} MiB of it its own, of ${memory}`,
  );
  console.log(`stop              ${(stopMs / 1000).toFixed(1)} s`);
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

/** @returns the id of a container that is held as tightly as deploy/k8s/base/deployment.yaml holds it. */
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

async function feed({ url }) {
  const body = JSON.stringify({ messages: [{ body: 'no event' }] });
  await fetch(`${url}/sandbox/queues/vod-events/messages`, { method: 'POST', body });
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

function check(what, isSo) {
  if (!isSo) throw new Error(`not so: ${what}`);
  console.log(`ok                ${what}`);
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
