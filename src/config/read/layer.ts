import { closest } from './closest.js';
import { isLeaf, type SchemaTree } from '../schema/leaf.js';

/** One value as its source spells it, and the file or variable it came from. */
export interface Setting {
  readonly value: unknown;
  readonly source: string;
}

/** The values that one source sets, by dotted key. */
export type Layer = ReadonlyMap<string, Setting>;

/** Receives the key a problem belongs to (empty for the whole) and what is wrong with it. */
export type Report = (key: string, problem: string) => void;

/**
 * Takes a parsed file, or one element of a list, apart along the schema. What the schema does not know goes
 * to `report` and is left out, so that convict only ever sees keys it knows in the places where it expects
 * them.
 */
export function layerOf(schema: SchemaTree, tree: unknown, source: string, report: Report): Layer {
  const layer = new Map<string, Setting>();
  takeApart(schema, tree, '', (key, value) => layer.set(key, { value, source }), report);
  return layer;
}

function takeApart(
  schema: SchemaTree,
  tree: unknown,
  parent: string,
  take: (key: string, value: unknown) => void,
  report: Report,
): void {
  // A heading with nothing under it, as when every key below it is a comment.
  if (tree === null || tree === undefined) return;
  if (!isSection(tree)) {
    report(parent, 'must be a section of keys');
    return;
  }
  for (const [name, value] of Object.entries(tree)) {
    const node = Object.hasOwn(schema, name) ? schema[name] : undefined;
    const key = parent === '' ? name : `${parent}.${name}`;
    if (node === undefined) {
      reportUnknown(Object.keys(schema), parent, name, value, report);
    } else if (!isLeaf(node)) {
      takeApart(node, value, key, take, report);
    } else if (value === null || value === undefined) {
      report(key, `has no value; it must be ${node.expected}, or be left out`);
    } else if (isSection(value)) {
      report(key, `must be ${node.expected}, not a section of keys`);
    } else {
      take(key, value);
    }
  }
}

/** Whether a parsed value is a set of keys, not a list or a single value. */
export function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * YAML reads `{ token:hunter2 }` and `{ hunter2 }` as keys without a value. So a key is named only where it
 * cannot well be a secret: it is a plain word, and it has a value or is nearly a key that exists.
 */
function reportUnknown(
  known: readonly string[],
  parent: string,
  name: string,
  value: unknown,
  report: Report,
): void {
  const near = closest(name, known);
  const isPlainWord = /^[A-Za-z_][A-Za-z0-9_.-]{0,40}$/.test(name);
  if (!isPlainWord || (value === null && near === undefined)) {
    report(parent, `holds an unknown key; known here: ${known.join(', ')}`);
    return;
  }
  const advice = near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  report(parent === '' ? name : `${parent}.${name}`, `is unknown; ${advice}`);
}
