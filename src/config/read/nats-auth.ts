import { conceal } from './conceal.js';
import type { NatsAuthConfig } from '../config.js';
import type { Environment } from './environment.js';
import { NATS_AUTH_VARIANTS } from '../schema/nats.js';
import type { Section } from './section.js';
import { readUnion, type Union } from './union.js';

/** Reads the section `nats.auth`. */
export function readNatsAuth(section: Section, env: Environment): Union {
  return readUnion(section, 'nats.auth', NATS_AUTH_VARIANTS, env);
}

/** The authentication of a union without problems; throws a TypeError for any other. */
export function toNatsAuth({ type, texts, files }: Union): NatsAuthConfig {
  const need = (name: string): string => {
    const text = texts.get(name);
    if (text === undefined) throw new TypeError(`nats.auth without ${name}`);
    return text;
  };
  switch (type) {
    case 'none':
      return { type };
    case 'creds':
      return { type, file: need('file') };
    case 'nkey':
      return { type, seedFile: need('seedFile') };
    case 'token':
      return conceal({ type, token: need('token'), ...files }, ['token']);
    case 'user':
      return conceal({ type, user: need('user'), password: need('password'), ...files }, ['password']);
    case undefined:
    default:
      throw new TypeError('nats.auth without a type');
  }
}
