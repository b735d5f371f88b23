import { closest } from './closest.js';
import type { Layer, Setting } from './layer.js';
import { leavesOf, variableOf, type SchemaTree } from '../schema/leaf.js';

/** Environment variables, as in `process.env`. An empty one counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the config files, separated by commas, where no `--config` does. */
export const FILES_VARIABLE = 'VOD_RELAY_CONFIG';

/** The values that the variables of a schema's keys set. */
export function environmentLayer(schema: SchemaTree, env: Environment): Layer {
  const layer = new Map<string, Setting>();
  for (const [key] of leavesOf(schema)) {
    const source = variableOf(key);
    const value = env[source] ?? '';
    if (value !== '') layer.set(key, { value, source });
  }
  return layer;
}

/**
 * One line for each variable that looks like ours and belongs to no key, since it is most likely misspelt.
 * `referred` are the variables that the configuration itself names as the holders of secrets.
 */
export function unknownVariables(
  schema: SchemaTree,
  env: Environment,
  referred: ReadonlySet<string>,
): string[] {
  const known = [FILES_VARIABLE, ...leavesOf(schema).map(([key]) => variableOf(key))];
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith('VOD_RELAY_') && (value ?? '') !== '')
    .filter(
      ([name, value]) => !known.includes(name) && !referred.has(name) && !isServiceLink(name, value ?? ''),
    )
    .map(([name]) => {
      const near = closest(name, known);
      return `${name}: is a variable of no key${near === undefined ? '' : `; did you mean ${near}?`}`;
    });
}

/**
 * Kubernetes puts the addresses of every Service in the namespace into the environment; those of a Service
 * whose name begins with `vod-relay` look like ours. See "Discovering services" in its documentation.
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$/.test(name)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}
