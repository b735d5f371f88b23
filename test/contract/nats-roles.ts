import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { connect, Events, nkeyAuthenticator, type ConnectionOptions, type NatsConnection } from 'nats';
import type { Test } from 'tap';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { createUserKey, seedText, type KeyPair } from '../support/nats-operator.js';
import type { ConfigOverrides, Testbed } from '../support/testbed.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

const folder = join(projectRoot, 'deploy', 'nats');
/**
 * For the configuration of a nats-server: the accounts as they are shipped. It looks for an include from the
 * folder of its configuration, which is one below the temporary one.
 */
export const config = `include ${JSON.stringify(relative(join(tmpdir(), 'server'), join(folder, 'accounts.conf')))}`;
const roles = ['relay', 'follow-up', 'worker', 'replay', 'consumer'] as const;
export type RoleName = (typeof roles)[number];
export type User = RoleName | 'operator';

const keys = new Map([...roles, 'operator' as const].map((user) => [user, createUserKey()]));
for (const [user, key] of keys) {
  process.env[`NATS_${user.toUpperCase().replace('-', '_')}_NKEY`] = key.getPublicKey();
}

export type Overrides = ConfigOverrides & { nats?: ConfigOverrides };

/** A worker that signs in to NATS as this user, and runs the half of the same name. */
export async function startAs(
  testbed: Testbed,
  user: User,
  overrides: Overrides = {},
): Promise<WorkerProcess> {
  const auth = { type: 'nkey', seedFile: await seedFileOf(testbed, user) };
  const nats = { servers: [testbed.nats.url], auth, ...overrides.nats };
  return await testbed.startWorker(
    { ...overrides, nats },
    user === 'relay' || user === 'follow-up' ? user : 'both',
  );
}

/** Ends a worker, and expects that NATS has refused it nothing. */
export async function endQuietly(t: Test, worker: WorkerProcess): Promise<void> {
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  const refusals = worker.logs.filter((line) => /permissions?[ _]violation/i.test(JSON.stringify(line)));
  t.same(refusals, [], 'NATS refuses nothing');
}

/** Runs a command to its end as the user for replays. @returns what it prints. */
export async function command(
  t: Test,
  testbed: Testbed,
  code: number,
  ...args: readonly string[]
): Promise<string> {
  const seedFile = await seedFileOf(testbed, 'replay');
  const { accessKeyId, accessKeySecret } = testbed.sandbox;
  const file = join(testbed.folder, 'replay.json');
  const settings = {
    queues: [testbed.queue('vod-events')],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [testbed.nats.url], auth: { type: 'nkey', seedFile } },
  };
  await writeFile(file, JSON.stringify(settings));
  await using process = startWorkerProcess([...args, '--config', file]);
  t.same(await process.exit, { code, signal: null }, args.join(' '));
  t.notMatch(process.stdout + process.stderr, /permissions?[ _]violation/i);
  return process.stdout;
}

/** A file with the seed that a user signs in with. */
export async function seedFileOf(testbed: Testbed, user: User): Promise<string> {
  const file = join(testbed.folder, `${user}.nk`);
  await writeFile(file, seedText(keyOf(user)));
  return file;
}

export async function connectAs(
  testbed: Testbed,
  user: User,
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  const authenticator = nkeyAuthenticator(keyOf(user).getSeed());
  return await connect({ servers: testbed.nats.url, authenticator, ...options });
}

function keyOf(user: User): KeyPair {
  const key = keys.get(user);
  if (!key) throw new Error(`no key of ${user}`);
  return key;
}

/** Sees the subject of every message in the account, what is asked of JetStream included. */
export async function tapWire(
  testbed: Testbed,
): Promise<AsyncDisposable & { subjects(): string[]; flush(): Promise<void> }> {
  const connection = await connectAs(testbed, 'operator');
  const seen = new Set<string>();
  connection.subscribe('>', { callback: (_error, { subject }) => seen.add(subject) });
  await connection.flush();
  return {
    subjects: () => [...seen],
    flush: () => connection.flush(),
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}

interface Subjects {
  publish: string[];
  subscribe: string[];
}

/** The entries of a role's file; an `allow` counts, a `deny` does not. */
export function permitted(role: User): Subjects {
  const lists: Subjects = { publish: [], subscribe: [] };
  const text = readFileSync(join(folder, `${role}.conf`), 'utf8').replace(/#.*/g, '');
  for (const [, list = '', body = ''] of text.matchAll(
    /^(publish|subscribe): (?:{\s*allow: )?\[([^\]]*)\]/gm,
  )) {
    lists[list as keyof Subjects] = [...body.matchAll(/"([^"]+)"/g)].map(([, subject = '']) => subject);
  }
  return lists;
}

/** The subjects that a role may publish to, and did not. */
export function unused(role: User, seen: readonly string[]): string[] {
  return permitted(role).publish.filter((pattern) => !seen.some((subject) => covers(pattern, subject)));
}

/** Whether a pattern takes a subject, or all that another pattern takes. */
export function covers(pattern: string, subject: string): boolean {
  const tokens = subject.split('.');
  const wanted = pattern.split('.');
  if (wanted.at(-1) === '>' ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, index) => {
    const found = tokens[index];
    return token === '>' || (token === '*' ? found !== '>' : token === found);
  });
}

/** Those of the subjects that NATS does not refuse a user. */
export async function accepted(
  testbed: Testbed,
  user: User,
  { publish, subscribe }: Subjects,
): Promise<string[]> {
  const connection = await connectAs(testbed, user);
  const refused = new Set<string>();
  void (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      if (type === Events.Error && permissionContext) refused.add(permissionContext.subject);
    }
  })();
  for (const subject of subscribe) connection.subscribe(subject, { callback: () => undefined });
  for (const subject of publish) connection.publish(subject);
  // The server answers in order, so all that it refuses is here by the time it answers this, and read a turn
  // later.
  await connection.flush();
  await setImmediate();
  await connection.close();
  return [...publish, ...subscribe].filter((subject) => !refused.has(subject));
}
