import type { Layer, Setting } from './layer.js';

/** Keys whose value decides which of their neighbours have a meaning. */
const DECIDING_KEYS = ['credentials.type', 'nats.auth.type'];

/**
 * Lays layers over each other, weakest first. Two things reach beyond their own key, because what is below
 * could not be taken back otherwise: naming another `type` drops the section of the weaker one, and giving a
 * secret in one way (itself, a file, a variable) drops the weaker one given in another.
 */
export function merge(layers: readonly Layer[]): Map<string, Setting> {
  const merged = new Map<string, Setting>();
  for (const layer of layers) {
    for (const [key, { value }] of layer) {
      if (DECIDING_KEYS.includes(key)) dropOtherType(merged, key, value);
      dropOtherWays(merged, key);
    }
    for (const [key, setting] of layer) merged.set(key, setting);
  }
  return merged;
}

function dropOtherType(merged: Map<string, Setting>, typeKey: string, type: unknown): void {
  const before = merged.get(typeKey);
  if (before === undefined || before.value === type) return;
  const section = typeKey.slice(0, -'type'.length);
  for (const key of merged.keys()) {
    if (key.startsWith(section)) merged.delete(key);
  }
}

function dropOtherWays(merged: Map<string, Setting>, key: string): void {
  for (const other of merged.keys()) {
    if (other !== key && baseOf(other) === baseOf(key)) merged.delete(other);
  }
}

/**
 * The key of a secret, whichever way it is given: `a.tokenFile` and `a.tokenEnv` are ways to give `a.token`.
 */
export function baseOf(key: string): string {
  return key.replace(/(File|Env)$/, '');
}
