/**
 * One configuration key: what convict needs, and what our own messages and documentation say about it. A tree
 * of leaves is a convict schema, and the type of its values follows from it.
 */
export interface Leaf<T> {
  readonly doc: string;
  /** The convict format, which decides how text is read: see formats.ts. */
  readonly format: 'text' | 'count' | 'flag' | 'list' | 'json';
  /** Null where the key is required or optional. */
  readonly default: string | number | boolean | null;
  /** True when the key may stay unset: its value is then null. */
  readonly nullable: boolean;
  /** Completes "must be …"; also the type column of the documentation. */
  readonly expected: string;
  /** Judges a value as a file or variable gives it, durations still being text. */
  readonly accepts: (value: unknown) => value is T;
  /** The part of a wrong value that an error may quote: its text, or nothing. */
  readonly inProblems: 'shown' | 'hidden';
  /** Printed as `(set)`. */
  readonly secret: boolean;
  /**
   * Set for every key, secret or not: convict then adds no value to a problem, so that only formats.ts
   * decides what may be shown.
   */
  readonly sensitive: true;
}

export interface SchemaTree {
  readonly [key: string]: Leaf<unknown> | SchemaTree;
}

/** The values a schema describes, in file form: durations are text, optional keys are null when unset. */
export type Values<S> = {
  readonly [K in keyof S]: S[K] extends Leaf<infer T> ? T : Values<S[K]>;
};

/** True for a key, false for a section of keys. */
export function isLeaf(node: Leaf<unknown> | SchemaTree): node is Leaf<unknown> {
  return 'accepts' in node;
}

/** Every key of a schema with its dotted path, in the order of the schema. */
export function leavesOf(schema: SchemaTree, parent = ''): readonly (readonly [string, Leaf<unknown>])[] {
  return Object.entries(schema).flatMap(([name, node]) =>
    isLeaf(node) ? [[`${parent}${name}`, node] as const] : leavesOf(node, `${parent}${name}.`),
  );
}

/** The environment variable of a key: `nats.ackTimeout` is `VOD_RELAY_NATS_ACK_TIMEOUT`. */
export function variableOf(key: string): string {
  const words = key.replaceAll('.', '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2');
  return `VOD_RELAY_${words.toUpperCase()}`;
}
