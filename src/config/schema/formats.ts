/**
 * The formats of convict that the schemas use. convict's own are too generous (`12abc` is the port 12, `no`
 * is true), so each of these takes text only when all of it fits, and otherwise leaves it for the check to
 * refuse. A coercion must not throw: convict would report neither key nor variable.
 */
import convict from 'convict';

import type { Leaf } from './leaf.js';

const COERCIONS: Readonly<Record<Leaf<unknown>['format'], (text: string) => unknown>> = {
  text: (text) => text,
  count: (text) => (/^\d{1,12}$/.test(text) ? Number(text) : text),
  flag: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  list: (text) => text.split(',').map((item) => item.trim()),
  json: parseJson,
};

for (const [name, coerce] of Object.entries(COERCIONS)) {
  convict.addFormat({
    name,
    coerce,
    validate(value: unknown, node: unknown) {
      checkValue(value, node as Leaf<unknown>);
    },
  });
}

function checkValue(value: unknown, leaf: Leaf<unknown>): void {
  if (value === null) throw new Error(`is required: ${leaf.expected}`);
  if (leaf.accepts(value)) return;
  const got = leaf.inProblems === 'shown' ? `, got ${describe(value)}` : '';
  throw new Error(`must be ${leaf.expected}${got}`);
}

/** A value on one short line; of a list or a section only that it is one, since it may hold anything. */
function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a section';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // The parser's own message quotes the text, which may hold secrets.
  }
}
