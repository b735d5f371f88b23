/** Sections in which `type` decides about the other keys: credentials and NATS authentication. */
import type { Environment } from './environment.js';
import { baseOf } from './merge.js';
import { readGiven } from './secrets.js';
import { valueOf, type Section } from './section.js';

/** The keys of each type. A secret is named by itself, whichever way it is given. */
export type Variants = Readonly<
  Record<string, { readonly required: readonly string[]; readonly optional: readonly string[] }>
>;

/** The chosen type with its keys, all of them text. */
export interface Union {
  /** Undefined when no usable type is set. */
  readonly type: string | undefined;
  readonly texts: ReadonlyMap<string, string>;
  /** The files that texts were read from, to be read again: by the key and `File`. */
  readonly files: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

/** Reads the section `name`, secrets included; reports keys that are missing and keys of another type. */
export function readUnion(section: Section, name: string, variants: Variants, env: Environment): Union {
  const type = typeOf(section, name);
  const variant = variants[type ?? ''];
  if (type === undefined || variant === undefined)
    return { type: undefined, texts: new Map(), files: {}, problems: [] };

  const texts = new Map<string, string>();
  const files: Record<string, string> = {};
  const problems = strayKeys(section, name, variants).map((key) => {
    const source = section.settings.get(key)?.source ?? '';
    return `${section.at}${key}: does not belong to type ${type} (${source})`;
  });
  for (const field of [...variant.required, ...variant.optional]) {
    const given = readGiven(section, `${name}.${field}`, env);
    if (given.kind === 'text') {
      texts.set(field, given.text);
      if (given.file !== undefined) files[`${field}File`] = given.file;
    } else if (given.kind === 'wrong') problems.push(...(given.problem === undefined ? [] : [given.problem]));
    else if (variant.required.includes(field)) {
      problems.push(`${section.at}${name}.${field}: is required with type ${type}`);
    }
  }
  return { type, texts, files, problems };
}

/**
 * Whether a key means something under the type chosen for its section; true for keys outside that section.
 */
export function isInUse(section: Section, name: string, variants: Variants, key: string): boolean {
  if (!key.startsWith(`${name}.`) || key === `${name}.type`) return true;
  const variant = variants[typeOf(section, name) ?? ''];
  if (variant === undefined) return false;
  return [...variant.required, ...variant.optional].some(
    (field) => baseOf(`${name}.${field}`) === baseOf(key),
  );
}

function typeOf(section: Section, name: string): string | undefined {
  const type = valueOf(section, `${name}.type`);
  return typeof type === 'string' && !section.invalid.has(`${name}.type`) ? type : undefined;
}

function strayKeys(section: Section, name: string, variants: Variants): string[] {
  return [...section.settings.keys()].filter((key) => !isInUse(section, name, variants, key));
}
