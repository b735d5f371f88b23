import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import t, { type Test } from 'tap';
import { createAuthority } from '../support/certificates.js';
import { createNatsOperator, createUserKey, seedText } from '../support/nats-operator.js';
import type { NatsServerOptions } from '../support/nats-server.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTestbed, type ConfigOverrides, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import type { LogLine } from '../support/worker-process.js';

const name = 'vod-events';
const folder = await mkdtemp(join(tmpdir(), 'vod-relay-access-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

t.test('signs in to NATS with a user and a password', async (t) => {
  const auth = { user: 'relay', password: 'correct horse' };
  await expectRelayed(t, { auth }, { auth: { type: 'user', ...auth } });
});

t.test('signs in to NATS with a token', async (t) => {
  const token = 'a-token-for-tests';
  await expectRelayed(t, { auth: { token } }, { auth: { type: 'token', token } });
});

t.test('signs in to NATS with an nkey', async (t) => {
  const key = createUserKey();
  const config = `authorization { users: [ { nkey: ${key.getPublicKey()} } ] }`;
  const seedFile = await aFile('user.nk', `${seedText(key)}\n`);
  await expectRelayed(t, { config }, { auth: { type: 'nkey', seedFile } });
});

t.test('signs in to NATS with a credentials file', async (t) => {
  const { config, creds } = createNatsOperator();
  const file = await aFile('user.creds', creds);
  await expectRelayed(t, { config }, { auth: { type: 'creds', file } });
});

t.test('signs in again after a restart of NATS, though the credentials file is gone', async (t) => {
  const { config, creds } = createNatsOperator();
  const file = await aFile('gone.creds', creds);
  await using testbed = await startTestbed({ nats: { config } });
  const worker = await testbed.startWorker({
    nats: { servers: [testbed.nats.url], auth: { type: 'creds', file } },
  });
  await expectMessageRelayed(testbed, 1);
  await rm(file);
  await testbed.nats.restart();
  await worker.waitForLog(({ message }) => message === 'NATS connected again');
  await expectMessageRelayed(testbed, 2);
  t.pass('the message after the restart is stored');
});

t.test('a sign-in that NATS refuses is told, and no message is taken', async (t) => {
  const refused = [
    { auth: { type: 'user', user: 'relay', password: 'wrong' }, code: 'AUTHORIZATION_VIOLATION' },
    { auth: { type: 'creds', file: join(folder, 'missing.creds') }, code: 'ENOENT' },
  ];
  for (const { auth, code } of refused) {
    await using testbed = await startTestbed({ nats: { auth: { user: 'relay', password: 'right' } } });
    await testbed.control.feed(name, [{ body: deletionBody() }]);
    await expectCannotReach(t, testbed, { servers: [testbed.nats.url], auth }, { code });
    t.equal((await testbed.control.state()).queues[name]?.received, 0);
  }
});

t.test('TLS', async (t) => {
  const authority = createAuthority('Test CA');
  const server = authority.issue('127.0.0.1');
  const client = authority.issue('relay');
  const caFile = await aFile('ca.pem', authority.cert);
  const serverFiles = {
    certFile: await aFile('server.pem', server.cert),
    keyFile: await aFile('server.key', server.key),
  };

  await t.test('with an authority of its own', async (t) => {
    await expectRelayed(t, { tls: serverFiles }, { tls: { caFile } });
  });

  await t.test('with a client certificate', async (t) => {
    const certFile = await aFile('client.pem', client.cert);
    const keyFile = await aFile('client.key', client.key);
    await expectRelayed(
      t,
      { tls: { ...serverFiles, caFile, verify: true } },
      { tls: { caFile, certFile, keyFile } },
    );
  });

  await t.test('does not trust another authority, and says so', async (t) => {
    const stranger = await aFile('stranger.pem', createAuthority('Another CA').cert);
    await using testbed = await startTestbed({ nats: { tls: serverFiles } });
    const nats = { servers: [tlsUrl(testbed)], tls: { caFile: stranger } };
    await expectCannotReach(t, testbed, nats, { error: /certificate|signature/ });
  });

  await t.test('does not trust a certificate for another host, and says so', async (t) => {
    const other = authority.issue('localhost', [10, 0, 0, 1]);
    const files = {
      certFile: await aFile('other.pem', other.cert),
      keyFile: await aFile('other.key', other.key),
    };
    await using testbed = await startTestbed({ nats: { tls: files } });
    const nats = { servers: [tlsUrl(testbed)], tls: { caFile } };
    await expectCannotReach(t, testbed, nats, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  await t.test('is not given up for a server that has none', async (t) => {
    await using testbed = await startTestbed();
    await expectCannotReach(t, testbed, { servers: [tlsUrl(testbed)] }, { code: 'SERVER_OPT_NA' });
  });
});

t.test('with manageStreams off, a relay needs to publish and to get the replies, nothing else', async (t) => {
  const admin = { user: 'admin', password: 'admin' };
  const relay = { user: 'relay', password: 'relay' };
  const permissions = { publish: ['vod.event.>', 'vod.dead-letter.>'], subscribe: ['_INBOX_vod-relay.>'] };
  const config = `authorization ${JSON.stringify({ users: [admin, { ...relay, permissions }] })}`;

  await t.test('the least permissions suffice', async (t) => {
    await using testbed = await startTestbed({ nats: { config } });
    const access = { servers: testbed.nats.url, user: admin.user, pass: admin.password };
    const connection = await connect(access);
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: 'VOD_EVENTS', subjects: ['vod.event.>'] });
    await manager.streams.add({ name: 'VOD_DEAD_LETTERS', subjects: ['vod.dead-letter.>'] });
    await connection.close();
    await testbed.control.feed(name, [{ body: deletionBody() }, { body: 'no event' }]);
    const auth = { type: 'user', ...relay };
    const nats = { servers: [testbed.nats.url], auth, manageStreams: false };
    const worker = await testbed.startWorker({ nats }, 'relay');
    await until(async () => (await testbed.control.state()).queues[name]?.deleted === 2, {
      what: 'both are relayed',
    });
    t.equal((await storedEvents(access)).length, 1);
    t.equal((await storedDeadLetters(access)).length, 1);
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
    t.same(
      worker.logs.filter(isTrouble).map(({ code }) => code),
      ['not-json'],
      'NATS refuses nothing',
    );
  });

  await t.test('with manageStreams on, what is missing is told and nothing is taken', async (t) => {
    await using testbed = await startTestbed({ nats: { config } });
    await testbed.control.feed(name, [{ body: deletionBody() }]);
    const worker = await testbed.startWorker({
      nats: { servers: [testbed.nats.url], auth: { type: 'user', ...relay } },
    });
    const line = await worker.waitForLog(({ stream }) => stream === 'VOD_EVENTS');
    t.match(line, { level: 'error', reason: /Permissions Violation/i });
    t.equal((await testbed.control.state()).queues[name]?.received, 0);
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
  });
});

/** Starts NATS and a worker with these settings, and expects a message to pass from one end to the other. */
async function expectRelayed(t: Test, options: NatsServerOptions, nats: ConfigOverrides): Promise<void> {
  await using testbed = await startTestbed({ nats: options });
  const servers = [options.tls ? tlsUrl(testbed) : testbed.nats.url];
  const worker = await testbed.startWorker({ nats: { servers, ...nats } });
  await expectMessageRelayed(testbed, 1);
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  t.same(worker.logs.filter(isTrouble), []);
}

/** Sends a message, and waits until `count` are deleted, which follows on the PubAck alone. */
async function expectMessageRelayed({ control }: Testbed, count: number): Promise<void> {
  await control.feed(name, [{ body: deletionBody({ MediaId: `media-${count}` }) }]);
  await until(async () => (await control.state()).queues[name]?.deleted === count, {
    what: 'the message is relayed',
  });
}

async function expectCannotReach(
  t: Test,
  testbed: Testbed,
  nats: ConfigOverrides,
  reason: object,
): Promise<void> {
  const worker = await testbed.startWorker({ nats });
  const line = await worker.waitForLog(isTrouble);
  t.match(line, { level: 'error', message: /^NATS connection failed/, ...reason });
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
}

function isTrouble({ level }: LogLine): boolean {
  return level === 'warn' || level === 'error';
}

async function aFile(fileName: string, content: string): Promise<string> {
  const file = join(folder, fileName);
  await writeFile(file, content);
  return file;
}

function tlsUrl({ nats }: Testbed): string {
  return `tls://127.0.0.1:${nats.port}`;
}
