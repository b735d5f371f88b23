import convict from 'convict';

import '../schema/formats.js';
import type { Layer, Setting } from './layer.js';
import { leavesOf, type SchemaTree, type Values } from '../schema/leaf.js';
import { merge } from './merge.js';

/** A schema with its values: defaults, overlaid with what the sources set. */
export interface Section<S extends SchemaTree = SchemaTree> {
  /** Empty for the root, `queues[1].` for an element: what its keys begin with in problems. */
  readonly at: string;
  readonly schema: S;
  /** Values in file form. Those of `invalid` keys do not have the type they claim. */
  readonly values: Values<S>;
  /** Where each key comes from; a key that is absent has its default. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly invalid: ReadonlySet<string>;
  readonly problems: readonly string[];
}

/**
 * Lets convict overlay, coerce and judge the layers, and gives each of its complaints the name of the source.
 * It complains once about a key, on one line that begins with the key (formats.ts), and in no useful order.
 */
export function readSection<S extends SchemaTree>(schema: S, layers: readonly Layer[], at = ''): Section<S> {
  const settings = merge(layers);
  // Without `env` and `args` of its own, convict would look at those of the process.
  const config = convict<object>(schema, { env: {}, args: [] });
  config.load(treeOf(settings));
  const invalid = new Set<string>();
  const problems: string[] = [];
  const complaints = new Map(complaintsOf(config).map((line) => [line.slice(0, line.indexOf(':')), line]));
  for (const [key] of leavesOf(schema)) {
    const line = complaints.get(key);
    if (line === undefined) continue;
    const source = settings.get(key)?.source;
    invalid.add(key);
    problems.push(`${at}${line}${source === undefined ? '' : ` (${source})`}`);
  }
  return { at, schema, values: config.getProperties() as Values<S>, settings, invalid, problems };
}

/** The value of a dotted key, in file form. */
export function valueOf(section: Section, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], section.values);
}

function complaintsOf(config: convict.Config<object>): string[] {
  try {
    config.validate({ allowed: 'strict' });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

function treeOf(settings: ReadonlyMap<string, Setting>): object {
  const root: Record<string, unknown> = {};
  for (const [key, { value }] of settings) {
    const names = key.split('.');
    const last = names.pop() ?? key;
    let node = root;
    for (const name of names) node = (node[name] ??= {}) as Record<string, unknown>;
    node[last] = value;
  }
  return root;
}
