import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t from 'tap';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

const name = 'vod-events';

/** A folder of secrets as Kubernetes mounts it: each file leads through `..data`, which is swapped as a whole. */
async function mountedSecrets(first: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'vod-relay-secrets-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  let version = 0;
  const swap = async (secrets: Record<string, string>): Promise<void> => {
    const data = `..${version++}`;
    await mkdir(join(folder, data));
    for (const [file, text] of Object.entries(secrets)) await writeFile(join(folder, data, file), text);
    await symlink(data, join(folder, '..new'));
    await rename(join(folder, '..new'), join(folder, '..data'));
  };
  await swap(first);
  for (const file of Object.keys(first)) await symlink(join('..data', file), join(folder, file));
  return { folder, swap };
}

async function expectRelayed(testbed: Testbed, deleted: number): Promise<void> {
  await testbed.control.feed(name, [{ body: deletionBody({ MediaId: `media${deleted}` }) }]);
  await until(async () => (await testbed.control.state()).queues[name]?.deleted === deleted, {
    what: `${deleted} messages are relayed`,
    timeoutMs: 60_000,
  });
}

t.test('the password of NATS is read again when it was rotated, and half a file is not used', async (t) => {
  const { folder, swap } = await mountedSecrets({ password: 'first\n' });
  const server = await mkdtemp(join(tmpdir(), 'vod-relay-nats-'));
  t.teardown(() => rm(server, { recursive: true, force: true }));
  const serverTakes = (password: string): Promise<void> =>
    writeFile(join(server, 'auth.conf'), `authorization { user: relay, password: ${password} }\n`);
  await serverTakes('first');
  await using testbed = await startTestbed({
    nats: { config: `include '../${basename(server)}/auth.conf'` },
  });
  const passwordFile = join(folder, 'password');
  const auth = { type: 'user', user: 'relay', passwordFile };
  const worker = await testbed.startWorker({ nats: { servers: [testbed.nats.url], auth } });
  await expectRelayed(testbed, 1);

  await swap({ password: '' });
  await testbed.nats.restart();
  const { key, code } = await worker.waitForLog(({ message }) =>
    String(message).startsWith('secret file unusable'),
  );
  t.match({ key, code }, { key: 'nats.auth.passwordFile', code: 'EmptyFile' });
  await expectRelayed(testbed, 2);

  await serverTakes('second');
  await testbed.nats.restart();
  await worker.waitForLog(({ error }) => error === 'Authorization Violation');
  await swap({ password: 'second\n' });
  await expectRelayed(testbed, 3);
});

t.test('an access key is read again when it was rotated', async (t) => {
  const { folder, swap } = await mountedSecrets({ id: 'old', secret: 'old-secret' });
  const right = { accessKeyId: 'new', accessKeySecret: 'new-secret' };
  await using testbed = await startTestbed({ credentials: [right] });
  const worker = await testbed.startWorker({
    credentials: {
      type: 'access_key',
      accessKeyIdFile: join(folder, 'id'),
      accessKeySecretFile: join(folder, 'secret'),
    },
  });
  await worker.waitForLog(({ code }) => code === 'InvalidAccessKeyId');
  await swap({ id: 'new', secret: 'wrong' });
  await worker.waitForLog(({ code }) => code === 'SignatureDoesNotMatch');
  await swap({ id: 'new', secret: 'new-secret' });
  await expectRelayed(testbed, 1);
  t.notMatch(JSON.stringify(worker.logs), /old-secret|new-secret/);
});
