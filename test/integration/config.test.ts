import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

const secrets = ['secret-in-the-file', 'secret-in-the-variable', 'secret-in-the-wrong-line'];

/**
 * Five mistakes: a typo, a unit left out, a limit exceeded, a secret in the wrong line, a rule between two
 * keys broken.
 */
const fiveMistakes = {
  queues: [
    {
      name: 'vod-events',
      endpoint: 'https://1.mns.cn-shanghai.aliyuncs.com',
      vod: { region: 'cn-shanghai', acount: '1', account: '1' },
      receive: { batch: 17 },
    },
  ],
  credentials: { type: secrets[2], accessKeyId: 'id', accessKeySecret: secrets[0] },
  nats: { servers: ['nats://nats.example.com'], ackTimeout: '5', auth: { type: 'token' } },
};

const theirKeys = [
  'queues[0].vod.acount',
  'queues[0].receive.batch',
  'credentials.type',
  'nats.servers',
  'nats.ackTimeout',
];

t.test('a configuration with five mistakes', async (t) => {
  const file = await writeConfig(t, fiveMistakes);
  for (const command of [
    ['run', '--config', file],
    ['config', 'check', '--config', file],
  ]) {
    await t.test(
      `is refused by \`${command.slice(0, -2).join(' ')}\` with all five named and no secret`,
      async (t) => {
        await using worker = startWorkerProcess(command, {
          env: { VOD_RELAY_NATS_AUTH_TOKEN: secrets[1] ?? '' },
        });
        t.same(await worker.exit, { code: 78, signal: null });
        const lines = problemLines(worker);
        for (const key of theirKeys) {
          t.equal(lines.filter((line) => line.startsWith(`${key}:`)).length, 1, `${key} is named once`);
        }
        t.equal(lines.length, theirKeys.length, 'and nothing else');
        for (const secret of secrets) t.notMatch(worker.stdout + worker.stderr, secret);
        t.equal(worker.stdout, '');
      },
    );
  }
});

t.test('a configuration that is not there is refused with exit code 78', async (t) => {
  await using worker = startWorkerProcess(['run', '--config', '/nowhere/vod-relay.yaml']);
  t.same(await worker.exit, { code: 78, signal: null });
  t.match(worker.stderr, '/nowhere/vod-relay.yaml: cannot be read');
});

t.test('`run` without a live queue is refused with exit code 78', async (t) => {
  const queue = { name: 'dead', endpoint: 'https://1.mns.cn-shanghai.aliyuncs.com', mode: 'replay' };
  const file = await writeConfig(t, {
    queues: [{ ...queue, vod: { region: 'cn-shanghai', account: '1' } }],
    credentials: { type: 'ecs_ram_role' },
    nats: { servers: ['tls://nats.example.com'] },
  });
  await using worker = startWorkerProcess(['run', '--config', file]);
  t.same(await worker.exit, { code: 78, signal: null });
  t.match(worker.stderr, 'queues: at least one must have mode live');
});

t.test('an unknown command or option is a mistake of usage, not of configuration', async (t) => {
  for (const args of [['rnu'], ['run', '--confg', 'x']]) {
    await using worker = startWorkerProcess(args);
    t.same(await worker.exit, { code: 1, signal: null });
    t.match(worker.stderr, /error: unknown (command|option)/);
  }
});

async function writeConfig(t: Test, config: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vod-relay-config-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

function problemLines({ stderr }: WorkerProcess): string[] {
  return stderr
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
