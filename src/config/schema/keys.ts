/**
 * Makers of configuration keys, one for each kind of value. A key is required unless it has a default or is
 * optional.
 */
import { durationMs, parseDurationMs } from './duration.js';
import type { Leaf } from './leaf.js';
import { parseOrigin } from '../read/urls.js';

const BASE = { default: null, nullable: false, inProblems: 'shown', secret: false, sensitive: true } as const;
const HIDDEN = { ...BASE, inProblems: 'hidden' } as const;

/** The same key, which may stay unset. */
export function optional<T>(leaf: Leaf<T>): Leaf<T | null> {
  return { ...leaf, default: null, nullable: true };
}

/** A whole number within bounds. */
export function count(doc: string, bounds: { min: number; max: number; default: number }): Leaf<number> {
  const { min, max } = bounds;
  return {
    ...BASE,
    doc,
    format: 'count',
    default: bounds.default,
    expected: `a whole number from ${min} to ${max}`,
    accepts: (value): value is number =>
      Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

/** One of a few numbers. */
export function oneOfCounts(doc: string, counts: readonly number[], preset: number): Leaf<number> {
  return {
    ...BASE,
    doc,
    format: 'count',
    default: preset,
    expected: `one of ${counts.join(', ')}`,
    accepts: (value): value is number => typeof value === 'number' && counts.includes(value),
  };
}

export function flag(doc: string, preset: boolean): Leaf<boolean> {
  return {
    ...BASE,
    doc,
    format: 'flag',
    default: preset,
    expected: 'true or false',
    accepts: (value): value is boolean => typeof value === 'boolean',
  };
}

/** One of a few words; `hidden` where a secret could end up by a slip. */
export function choice<const T extends string>(
  doc: string,
  choices: readonly T[],
  options: { default?: T; hidden?: boolean } = {},
): Leaf<T> {
  return {
    ...(options.hidden === true ? HIDDEN : BASE),
    doc,
    format: 'text',
    default: options.default ?? null,
    expected: `one of ${choices.join(', ')}`,
    accepts: (value): value is T => choices.some((each) => each === value),
  };
}

interface DurationBounds {
  min: string;
  max: string;
  default: string;
  /** `max` itself is too long. */
  belowMax?: true;
  /** Only multiples of a second. */
  wholeSeconds?: true;
  /** A word that stands for a duration found out later. */
  or?: string;
}

/** A duration as text. A bare number is refused: its unit would be a guess. */
export function duration(doc: string, bounds: DurationBounds): Leaf<string> {
  const kind =
    bounds.wholeSeconds === true ? 'a duration with its unit, in whole seconds' : 'a duration with its unit';
  const range = `${kind}, from ${bounds.min} to ${bounds.belowMax === true ? 'less than ' : ''}${bounds.max}`;
  return {
    ...BASE,
    doc,
    format: 'text',
    default: bounds.default,
    expected: bounds.or === undefined ? range : `${bounds.or}, or ${range}`,
    accepts: (value): value is string =>
      typeof value === 'string' && (value === bounds.or || fits(value, bounds)),
  };
}

function fits(text: string, bounds: DurationBounds): boolean {
  const ms = parseDurationMs(text);
  if (ms === undefined || (bounds.wholeSeconds === true && ms % 1000 !== 0)) return false;
  const maxMs = durationMs(bounds.max);
  return ms >= durationMs(bounds.min) && (bounds.belowMax === true ? ms < maxMs : ms <= maxMs);
}

/** Text that matches a pattern; `hidden` where a secret could end up by a slip. */
export function text(
  doc: string,
  options: { expected: string; pattern: RegExp; default?: string; hidden?: boolean },
): Leaf<string> {
  return {
    ...(options.hidden === true ? HIDDEN : BASE),
    doc,
    format: 'text',
    default: options.default ?? null,
    expected: options.expected,
    accepts: (value): value is string => typeof value === 'string' && options.pattern.test(value),
  };
}

/** The path of a file, which is not read here. */
export function path(doc: string): Leaf<string> {
  return text(doc, { expected: 'the path of a file', pattern: /^\P{Cc}+$/u, hidden: true });
}

/**
 * Text that is never shown. Control characters, such as a line break at its end, are a slip and are refused.
 */
export function secret(doc: string): Leaf<string> {
  const expected = 'text without line breaks (digits alone need quotes)';
  return { ...text(doc, { expected, pattern: /^\P{Cc}+$/u, hidden: true }), secret: true };
}

/** One `http` or `https` origin. */
export function httpOrigin(doc: string): Leaf<string> {
  return {
    ...HIDDEN,
    doc,
    format: 'text',
    expected: 'an https URL with a host and nothing after it',
    accepts: (value): value is string => parseOrigin(value, ['https', 'http']) !== undefined,
  };
}

/** One or more NATS servers; in a variable, separated by commas. */
export function natsServers(doc: string): Leaf<readonly string[]> {
  return {
    ...HIDDEN,
    doc,
    format: 'list',
    expected: 'a list of URLs such as tls://nats.example.com:4222, without user or password (see nats.auth)',
    accepts: (value): value is readonly string[] =>
      isFilledList(value) && value.every((item) => parseOrigin(item, ['tls', 'nats']) !== undefined),
  };
}

/** A list whose elements have a schema of their own; in a variable, JSON. */
export function elements(doc: string, expected: string): Leaf<readonly unknown[]> {
  return { ...HIDDEN, doc, format: 'json', expected, accepts: isFilledList };
}

function isFilledList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}
