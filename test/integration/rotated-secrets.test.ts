import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { createAuthority } from '../support/certificates.js';
import { createNatsOperator, createUserKey, seedText } from '../support/nats-operator.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

const name = 'vod-events';

/**
 * A folder of secrets as Kubernetes mounts it: each file leads through `..data`, which is swapped as a whole.
 */
async function mountedSecrets(t: Test, first: Record<string, string>) {
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

interface Row {
  what: string;
  /** Of the configuration, as a file that cannot be used is told. */
  key: string;
  code: string;
  /** The files of the server, the first for its configuration, and those of the worker. */
  make: (server: string) => { conf: string; files?: Record<string, string>; secrets: Record<string, string> };
  nats: (folder: string) => Record<string, unknown>;
  refused: RegExp;
}

const violation = /Authorization Violation/;
const rows: Row[] = [
  {
    what: 'a password',
    key: 'nats.auth.passwordFile',
    code: 'EmptyFile',
    make: () => {
      const password = randomUUID();
      const conf = `authorization { user: relay, password: "${password}" }`;
      return { conf, secrets: { password: `${password}\n` } };
    },
    nats: (folder) => ({
      auth: { type: 'user', user: 'relay', passwordFile: join(folder, 'password') },
    }),
    refused: violation,
  },
  {
    what: 'a token',
    key: 'nats.auth.tokenFile',
    code: 'EmptyFile',
    make: () => {
      const token = randomUUID();
      return { conf: `authorization { token: "${token}" }`, secrets: { token: `${token}\n` } };
    },
    nats: (folder) => ({ auth: { type: 'token', tokenFile: join(folder, 'token') } }),
    refused: violation,
  },
  {
    what: 'a seed of an nkey',
    key: 'nats.auth.seedFile',
    code: 'nkeys: invalid encoded key',
    make: () => {
      const user = createUserKey();
      const conf = `authorization { users: [{ nkey: ${user.getPublicKey()} }] }`;
      return { conf, secrets: { seed: `${seedText(user)}\n` } };
    },
    nats: (folder) => ({ auth: { type: 'nkey', seedFile: join(folder, 'seed') } }),
    refused: violation,
  },
  {
    what: 'a file of credentials',
    key: 'nats.auth.file',
    code: 'BAD_CREDS',
    make: () => {
      const { config, creds } = createNatsOperator();
      return { conf: config, secrets: { creds } };
    },
    nats: (folder) => ({ auth: { type: 'creds', file: join(folder, 'creds') } }),
    refused: violation,
  },
  {
    what: 'certificates, and the authority that signs them',
    key: 'nats.tls',
    code: 'NotPem',
    make: (server) => {
      const authority = createAuthority('authority');
      const [own, client] = [authority.issue('server'), authority.issue('relay')];
      const paths = { cert_file: 'own.crt', key_file: 'own.key', ca_file: 'ca.crt' };
      const lines = Object.entries(paths).map(([key, file]) => `${key}: "${join(server, file)}"`);
      return {
        conf: `tls { ${lines.join(', ')}, verify: true }`,
        files: { 'own.crt': own.cert, 'own.key': own.key, 'ca.crt': authority.cert },
        secrets: { 'ca.crt': authority.cert, 'tls.crt': client.cert, 'tls.key': client.key },
      };
    },
    nats: (folder) => ({
      tls: {
        caFile: join(folder, 'ca.crt'),
        certFile: join(folder, 'tls.crt'),
        keyFile: join(folder, 'tls.key'),
      },
    }),
    refused: /certificate/,
  },
];

for (const { what, key, code, make, nats, refused } of rows) {
  t.test(`${what} of NATS: read again when rotated, and half a file is not used`, async (t) => {
    const server = await mkdtemp(join(tmpdir(), 'vod-relay-nats-'));
    t.teardown(() => rm(server, { recursive: true, force: true }));
    const serverTakes = async ({ conf, files }: ReturnType<Row['make']>): Promise<void> => {
      for (const [file, text] of Object.entries({ ...files, 'auth.conf': conf }))
        await writeFile(join(server, file), `${text}\n`);
    };
    const [first, second] = [make(server), make(server)];
    const { folder, swap } = await mountedSecrets(t, first.secrets);
    await serverTakes(first);
    await using testbed = await startTestbed({
      nats: { config: `include '../${basename(server)}/auth.conf'` },
    });
    const servers = [testbed.nats.url.replace('nats:', key === 'nats.tls' ? 'tls:' : 'nats:')];
    const worker = await testbed.startWorker({ nats: { servers, ...nats(folder) } });
    await expectRelayed(testbed, 1);

    await swap(Object.fromEntries(Object.keys(first.secrets).map((file) => [file, ''])));
    await testbed.nats.restart();
    const told = await worker.waitForLog(({ message }) => String(message).startsWith('secret file unusable'));
    t.match(told, { key, code });
    await expectRelayed(testbed, 2);

    await serverTakes(second);
    await testbed.nats.restart();
    await worker.waitForLog((line) => refused.test(JSON.stringify(line)));
    await swap(second.secrets);
    await expectRelayed(testbed, 3);
    for (const text of Object.values({ ...first.secrets, ...second.secrets }))
      t.notOk(worker.stdout.includes(text.trim()), 'it is in no line of the log');
  });
}

t.test('an access key is read again when it was rotated', async (t) => {
  const { folder, swap } = await mountedSecrets(t, { id: 'old', secret: 'old-secret' });
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
