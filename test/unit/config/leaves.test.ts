/** A key that is accepted and documented, and reaches no Config, would be ignored without a word. */
import t from 'tap';
import { rmSync } from 'node:fs';
import type { Environment } from '../../../src/config/read/environment.js';
import { loadConfig } from '../../../src/config/load.js';
import { CREDENTIALS_VARIANTS } from '../../../src/config/schema/credentials.js';
import { leavesOf, type Leaf } from '../../../src/config/schema/leaf.js';
import { NATS_AUTH_VARIANTS } from '../../../src/config/schema/nats.js';
import { queueSchema } from '../../../src/config/schema/queue.js';
import { rootSchema } from '../../../src/config/schema/root.js';
import { aFile, aMinimum, scratchFolder } from './sources.js';

type Tree = Record<string, unknown>;
type Place = 'root' | 'queue';

t.teardown(() => {
  rmSync(scratchFolder, { recursive: true });
});

const env: Environment = { A_SECRET: 'of a variable', OTHER_SECRET: 'of another' };
const [secretFile, otherFile] = [aFile('of-a-file'), aFile('of-another')];
/** Enough that each key accepts one that is not its default. */
const candidates: readonly unknown[] = [
  ...[true, false, 1, 2, 3, 20, 100, 1000],
  ...['50ms', '1s', '3s', '20d'],
  ...['other', 'cn-beijing', '2', 'A_SECRET', 'OTHER_SECRET', secretFile, otherFile],
  ...['acs:ram::1:role/r', 'acs:ram::2:role/r', 'acs:ram::1:oidc-provider/p', 'acs:ram::2:oidc-provider/p'],
  ...['https://other.example.com', 'sts.example.com'],
  ['tls://other.example.com'],
];
const variants = { credentials: CREDENTIALS_VARIANTS, 'nats.auth': NATS_AUTH_VARIANTS };

for (const [place, schema] of [
  ['root', rootSchema],
  ['queue', queueSchema],
] as const) {
  for (const [key, leaf] of leavesOf(schema)) {
    if (key === 'queues') continue;
    t.ok(reachesConfig(place, key, leaf), `${place === 'queue' ? 'queues[].' : ''}${key} reaches Config`);
  }
}

/** Whether two values of the key that load make two configurations, all else being the same. */
function reachesConfig(place: Place, key: string, leaf: Leaf<unknown>): boolean {
  const choices = /^one of (.*)$/.exec(leaf.expected)?.[1]?.split(', ') ?? [];
  const values = [...choices, ...candidates].filter((value) => leaf.accepts(value));
  const configs = basesFor(place, key).map((base) => {
    const texts = [undefined, ...values].map((value) => loaded(withValue(base, place, key, value)));
    return new Set(texts.filter((text) => text !== undefined));
  });
  if (configs.some(({ size }) => size > 1)) return true;
  // No two types take the same keys.
  return key.endsWith('.type') && new Set(configs.flatMap((texts) => [...texts])).size > 1;
}

/** The smallest configuration; for a section with types, the smallest of each type. */
function basesFor(place: Place, key: string): Tree[] {
  const minimum = aMinimum();
  if (key.startsWith('nats.tls.')) {
    const pair = { certFile: secretFile, keyFile: secretFile };
    return [withValue(minimum, place, 'nats.tls', pair)];
  }
  const sections = Object.keys(variants) as (keyof typeof variants)[];
  const section = sections.find((name) => key.startsWith(`${name}.`));
  if (section === undefined) return [minimum];
  const leaves = new Map(leavesOf(place === 'root' ? rootSchema : queueSchema));
  const types = Object.entries<{ readonly required: readonly string[] }>(variants[section]);
  return types.map(([type, { required }]) => {
    const start = withValue(minimum, place, section, { type });
    const paths = required.map((name) => `${section}.${name}`).filter((path) => !isGivenBy(key, path));
    return paths.reduce((tree, path) => {
      const value = candidates.find((each) => leaves.get(path)?.accepts(each));
      return withValue(tree, place, path, value);
    }, start);
  });
}

/** `passwordFile` gives what `password` gives. */
function isGivenBy(key: string, path: string): boolean {
  return key !== path && key.replace(/(?:File|Env)$/, '') === path;
}

function withValue(tree: Tree, place: Place, key: string, value: unknown): Tree {
  const copy = structuredClone(tree);
  const names = key.split('.');
  const last = names.pop() ?? '';
  let node = place === 'root' ? copy : (copy['queues'] as Tree[])[0];
  for (const name of names) node = (node ?? {})[name] = ((node ?? {})[name] ?? {}) as Tree;
  if (node && value !== undefined) node[last] = value;
  return copy;
}

/** Everything in the configuration, secrets too; undefined when it does not load. */
function loaded(content: Tree): string | undefined {
  try {
    return everything(loadConfig({ files: [aFile(content)], env }));
  } catch {
    return undefined;
  }
}

function everything(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const parts = Object.getOwnPropertyNames(value).map(
    (name) => `${name}: ${everything((value as Tree)[name])}`,
  );
  return `{ ${parts.join(', ')} }`;
}
