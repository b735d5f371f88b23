/** `vod-relay doctor` on a NATS that is not as it should be: the server, its accounts and permissions. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type JetStreamManager } from 'nats';
import t from 'tap';
import { createAuthority } from '../support/certificates.js';
import { closedPort, examine, expectProblems, type ExpectedProblem } from '../support/doctor.js';
import type { NatsServerOptions } from '../support/nats-server.js';
import { startTestbed, type ConfigOverrides, type Role, type Testbed } from '../support/testbed.js';

interface BadSetUp {
  what: string;
  server?: NatsServerOptions;
  /** Done by a user who may do everything. */
  seed?: (manager: JetStreamManager) => Promise<unknown>;
  config?: (bed: Testbed) => ConfigOverrides;
  role?: Role;
  finds: readonly ExpectedProblem[];
}

const folder = await mkdtemp(join(tmpdir(), 'vod-relay-doctor-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const authority = createAuthority('Test CA');
const certificate = authority.issue('127.0.0.1');
const tls = {
  certFile: await aFile('server.pem', certificate.cert),
  keyFile: await aFile('server.key', certificate.key),
};
const stranger = await aFile('stranger.pem', createAuthority('Another CA').cert);

const admin = { user: 'admin', password: 'admin' };
const relay = { user: 'relay', password: 'relay' };
const asRelay = { auth: { type: 'user', ...relay } };

function inNats(status: 'warn' | 'fail', id: string, remedy: RegExp): ExpectedProblem {
  return { area: 'NATS', id, status, remedy };
}

/**
 * The user `relay` may publish to these subjects alone, besides the permissions of a relay for its streams.
 */
function permitting(publish: readonly string[], subscribe = ['_INBOX_vod-relay.>']): NatsServerOptions {
  const permissions = { publish, subscribe };
  return { config: `authorization ${JSON.stringify({ users: [admin, { ...relay, permissions }] })}` };
}

/** The user `relay` has an account with these limits of JetStream; without, it has no JetStream. */
function accountOf(jetstream?: object): NatsServerOptions {
  const users = [admin, relay];
  return { config: `accounts ${JSON.stringify({ A: { users, ...(jetstream && { jetstream }) } })}` };
}

const looking = [
  '$JS.API.INFO',
  '$JS.API.STREAM.INFO.*',
  '$JS.API.STREAM.NAMES',
  'vod.event.>',
  'vod.dead-letter.>',
];

const published = ['vod.event.>', 'vod.dead-letter.>'];
/** The requests of a relay when a stream calls a message a duplicate. */
const stored = ['$JS.API.STREAM.MSG.GET.VOD_EVENTS', '$JS.API.STREAM.MSG.GET.VOD_DEAD_LETTERS'];

const badSetUps: readonly BadSetUp[] = [
  {
    what: 'nobody listens',
    config: () => ({ servers: [`nats://127.0.0.1:${unused}`] }),
    finds: [inNats('fail', 'connection', /start the nats-server .* nats\.servers/)],
  },
  {
    what: 'a wrong password',
    server: { auth: admin },
    config: () => ({ auth: { type: 'user', user: 'admin', password: 'guessed' } }),
    finds: [inNats('fail', 'connection', /nats\.auth/)],
  },
  {
    what: 'a credentials file that is not there',
    config: () => ({ auth: { type: 'creds', file: join(folder, 'missing.creds') } }),
    finds: [inNats('fail', 'connection', /files of nats\.auth/)],
  },
  {
    what: 'TLS with a server that has none',
    config: ({ nats }) => ({ servers: [`tls://127.0.0.1:${nats.port}`] }),
    finds: [inNats('fail', 'connection', /offers no TLS/)],
  },
  {
    what: 'a certificate of an unknown authority',
    server: { tls },
    config: ({ nats }) => ({ servers: [`tls://127.0.0.1:${nats.port}`], tls: { caFile: stranger } }),
    finds: [inNats('fail', 'connection', /nats\.tls\.caFile/)],
  },
  {
    what: 'plain NATS to another host',
    config: ({ nats }) => ({ servers: [`nats://0.0.0.0:${nats.port}`], allowPlaintext: true }),
    finds: [inNats('warn', 'tls', /tls:\/\/ URLs, and nats\.allowPlaintext: false/)],
  },
  {
    what: 'a server for small messages',
    server: { config: 'max_payload: 32KB' },
    finds: [inNats('fail', 'max-payload', /max_payload .* to 1MB/)],
  },
  {
    what: 'an account without JetStream',
    server: accountOf(),
    config: () => asRelay,
    finds: [inNats('fail', 'jetstream', /jetstream: enabled/)],
  },
  {
    what: 'an account that may have no more streams',
    server: accountOf({ max_streams: 1 }),
    config: () => asRelay,
    finds: [inNats('fail', 'account-limits', /max_streams/)],
  },
  {
    what: 'an account whose streams need a size',
    server: accountOf({ max_bytes_required: true }),
    config: () => asRelay,
    finds: [inNats('fail', 'account-limits', /max_bytes_required: false/)],
  },
  {
    what: 'an account that is nearly full',
    server: accountOf({ max_file: 1_000_000 }),
    seed: async (manager) => {
      await manager.streams.add({ name: 'OTHER', subjects: ['other'] });
      await manager.jetstream().publish('other', new Uint8Array(900_000));
    },
    config: () => asRelay,
    finds: [inNats('warn', 'storage', /max_file/)],
  },
  {
    what: 'an account whose streams may have no more consumers',
    server: accountOf({ max_consumers: 1 }),
    seed: async (manager) => {
      await manager.streams.add({
        name: 'VOD_EVENTS',
        subjects: ['vod.event.>'],
        duplicate_window: fourDays,
      });
      await manager.consumers.add('VOD_EVENTS', { durable_name: 'thumbnails' });
    },
    config: () => asRelay,
    role: 'follow-up',
    finds: [{ area: 'consumer follow-up', id: 'consumer', status: 'fail', remedy: /max_consumers/ }],
  },
  {
    what: 'no permission to get replies',
    server: permitting(['>'], ['_INBOX.>']),
    config: () => asRelay,
    finds: [inNats('fail', 'replies', /subscribe to "_INBOX_vod-relay\.>"/)],
  },
  {
    what: 'no permission to create streams',
    server: permitting([...looking, ...stored]),
    config: () => asRelay,
    role: 'relay',
    finds: [
      inNats('fail', 'jetstream-api', /publish to .*STREAM\.CREATE\.VOD_EVENTS".*CREATE\.VOD_DEAD_LETTERS"$/),
    ],
  },
  {
    what: 'no permission to lengthen a window that is too short',
    server: permitting([...looking, ...stored]),
    seed: async (manager) => {
      await manager.streams.add({ name: 'VOD_EVENTS', subjects: ['vod.event.>'] });
      await manager.streams.add({
        name: 'VOD_DEAD_LETTERS',
        subjects: ['vod.dead-letter.>'],
        duplicate_window: fourDays,
      });
    },
    config: () => asRelay,
    role: 'relay',
    finds: [
      inNats(
        'fail',
        'jetstream-api',
        /^as an operator: nats stream edit VOD_EVENTS --dupe-window=345600s --metadata=vod-relay\.ids-known-since=\$\(date -u \+%FT%TZ\)$/,
      ),
    ],
  },
  {
    what: 'no permission for the API of JetStream at all',
    server: permitting(['vod.>']),
    config: () => asRelay,
    role: 'relay',
    finds: [inNats('fail', 'jetstream-api', /publish to "\$JS\.API\.STREAM\.INFO\.VOD_EVENTS"/)],
  },
  {
    what: 'no permission to pull and to ack',
    server: permitting([
      ...looking,
      '$JS.API.STREAM.>',
      '$JS.API.CONSUMER.INFO.>',
      '$JS.API.CONSUMER.CREATE.>',
    ]),
    config: () => asRelay,
    role: 'follow-up',
    finds: [
      inNats(
        'fail',
        'jetstream-api',
        /"\$JS\.API\.CONSUMER\.MSG\.NEXT\.VOD_EVENTS\.follow-up", "\$JS\.ACK\.VOD_EVENTS\.follow-up\.>"/,
      ),
    ],
  },
];

const fourDays = 4 * 86_400 * 1e9;
const unused = await closedPort();

t.test('the doctor finds what is wrong with NATS, and nothing else', async (t) => {
  for (const { what, server, seed, config, role = 'both', finds } of badSetUps) {
    await t.test(what, async (t) => {
      await using bed = await startTestbed({ ...(server && { nats: server }) });
      if (seed) await withManager(bed, seed);
      const nats = { servers: [bed.nats.url], ...config?.(bed) };
      expectProblems(t, await examine(bed, { nats }, role), finds);
    });
  }
});

t.test('a missing permission to publish is found where the server tells permissions', async (t) => {
  await using bed = await startTestbed({
    nats: permitting([
      ...looking.filter((each) => each !== 'vod.event.>'),
      '$JS.API.>',
      '$SYS.REQ.USER.INFO',
    ]),
  });
  const { results } = await examine(bed, { nats: { servers: [bed.nats.url], ...asRelay } }, 'relay');
  const found = results.find(({ id }) => id === 'publish');
  const tells = !results.some(({ id, what }) => id === 'server' && / 2\.9\./.test(what));
  t.match(
    found,
    tells
      ? { status: 'fail', what: 'not permitted: vod.event.>', remedy: /publish to "vod\.event\.>"/ }
      : { status: 'info', remedy: /2\.10/ },
  );
});

t.test('with the least permissions of a relay, nothing is wrong', async (t) => {
  await using bed = await startTestbed({ nats: permitting([...published, ...stored]) });
  await withManager(bed, async (manager) => {
    await manager.streams.add({ name: 'VOD_EVENTS', subjects: ['vod.event.>'] });
    await manager.streams.add({ name: 'VOD_DEAD_LETTERS', subjects: ['vod.dead-letter.>'] });
  });
  const nats = { servers: [bed.nats.url], ...asRelay, manageStreams: false };
  const examined = await examine(bed, { nats }, 'relay');
  expectProblems(t, examined, []);
  const events = examined.results.find(({ area }) => area === 'stream VOD_EVENTS');
  t.match(events, { status: 'info', what: /cannot be looked at/, remedy: /STREAM\.INFO\.VOD_EVENTS/ });
});

t.test('a duplicate that may not be looked up is found, for each stream that is published to', async (t) => {
  await using bed = await startTestbed({
    nats: permitting([...looking, '$JS.API.STREAM.CREATE.*', '$JS.API.CONSUMER.>']),
  });
  const nats = { servers: [bed.nats.url], ...asRelay };
  const missing = async (role: 'relay' | 'follow-up'): Promise<unknown> => {
    const { results } = await examine(bed, { nats }, role);
    return results.find(({ id, status }) => id === 'jetstream-api' && status === 'fail');
  };
  const get = '$JS.API.STREAM.MSG.GET.';
  t.match(await missing('relay'), {
    what: `not permitted: ${get}VOD_EVENTS, ${get}VOD_DEAD_LETTERS`,
    remedy: /MSG\.GET\.VOD_EVENTS/,
  });
  const ofFollowUp = (await missing('follow-up')) as { what: string } | undefined;
  for (const stream of ['VOD_EVENTS', 'VOD_DEAD_LETTERS', 'VOD_FOLLOW_UPS'])
    t.ok(ofFollowUp?.what.includes(get + stream), stream);
});

async function withManager(
  bed: Testbed,
  act: (manager: JetStreamManager) => Promise<unknown>,
): Promise<void> {
  const connection = await connect({ servers: bed.nats.url, user: admin.user, pass: admin.password });
  await act(await connection.jetstreamManager());
  await connection.close();
}

async function aFile(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}
