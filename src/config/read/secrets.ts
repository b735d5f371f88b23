import { readSecretText } from '../../network/secret-text.js';
import type { Environment } from './environment.js';
import { valueOf, type Section } from './section.js';

/**
 * How a key turned out: its text (and the file it was read from), not set at all, or wrong (`problem` is
 * absent where that is reported already).
 */
export type Given =
  | { readonly kind: 'text'; readonly text: string; readonly file?: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'wrong'; readonly problem?: string };

/**
 * The text of a key that may be given itself, as `<key>File`, or as `<key>Env`. Neither the text nor the path
 * or name that leads to it is ever part of a problem, because the secret itself may stand there by a slip.
 */
export function readGiven(section: Section, key: string, env: Environment): Given {
  const ways = [key, `${key}File`, `${key}Env`].filter((each) => section.settings.has(each));
  const [way, ...others] = ways;
  if (ways.some((each) => section.invalid.has(each))) return { kind: 'wrong' };
  if (way === undefined) return textOf(section, key);
  if (others.length > 0)
    return wrong(section.at + key, `is given more than once: ${ways.map(lastName).join(', ')}`);
  if (way === key) return textOf(section, key);
  const holder = String(valueOf(section, way));
  return way.endsWith('File')
    ? fromFile(section.at + way, holder)
    : fromVariable(section.at + way, holder, env);
}

function textOf(section: Section, key: string): Given {
  const value = valueOf(section, key);
  return typeof value === 'string' ? { kind: 'text', text: value } : { kind: 'absent' };
}

function fromFile(key: string, file: string): Given {
  try {
    return { kind: 'text', text: readSecretText(file), file };
  } catch (error) {
    return wrong(key, (error as Error).message);
  }
}

function fromVariable(key: string, name: string, env: Environment): Given {
  const text = (Object.hasOwn(env, name) ? env[name] : undefined) ?? '';
  if (text === '') return wrong(key, 'the variable it names is empty or not set');
  if (/\p{Cc}/u.test(text)) return wrong(key, 'the variable it names holds more than one line of text');
  return { kind: 'text', text };
}

function wrong(key: string, problem: string): Given {
  return { kind: 'wrong', problem: `${key}: ${problem}` };
}

function lastName(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}
