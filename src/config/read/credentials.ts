import { conceal } from './conceal.js';
import type { CredentialsConfig } from '../config.js';
import { CREDENTIALS_VARIANTS, INJECTED_VARIABLES } from '../schema/credentials.js';
import type { Environment } from './environment.js';
import type { Layer } from './layer.js';
import { merge } from './merge.js';
import type { Section } from './section.js';
import { readUnion, type Union } from './union.js';

/**
 * Adds what ACK injects for RRSA, below every other layer and only where that type was chosen: the variables
 * are there in every pod with a role, also in one that is told to use a key.
 */
export function withInjected(layers: readonly Layer[], env: Environment): readonly Layer[] {
  if (merge(layers).get('credentials.type')?.value !== 'oidc_role_arn') return layers;
  const injected = Object.entries(INJECTED_VARIABLES)
    .map(([name, source]) => [`credentials.${name}`, { value: env[source] ?? '', source }] as const)
    .filter(([, { value }]) => value !== '');
  return [new Map(injected), ...layers];
}

/** Reads the section `credentials` of the root or of a queue. */
export function readCredentials(section: Section, env: Environment): Union {
  return readUnion(section, 'credentials', CREDENTIALS_VARIANTS, env);
}

/** The credentials of a union without problems; throws a TypeError for any other. */
export function toCredentials({ type, texts, files }: Union): CredentialsConfig {
  const roleName = texts.get('roleName');
  const stsEndpoint = texts.get('stsEndpoint');
  switch (type) {
    case 'access_key':
      return conceal(
        {
          type,
          accessKeyId: need(texts, 'accessKeyId'),
          accessKeySecret: need(texts, 'accessKeySecret'),
          ...files,
        },
        ['accessKeySecret'],
      );
    case 'sts':
      return conceal(
        {
          type,
          accessKeyId: need(texts, 'accessKeyId'),
          accessKeySecret: need(texts, 'accessKeySecret'),
          securityToken: need(texts, 'securityToken'),
          ...files,
        },
        ['accessKeySecret', 'securityToken'],
      );
    case 'oidc_role_arn':
      return {
        type,
        roleArn: need(texts, 'roleArn'),
        oidcProviderArn: need(texts, 'oidcProviderArn'),
        oidcTokenFile: need(texts, 'oidcTokenFile'),
        roleSessionName: need(texts, 'roleSessionName'),
        ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
      };
    case 'ecs_ram_role':
      return { type, ...(roleName === undefined ? {} : { roleName }) };
    case undefined:
    default:
      throw new TypeError('credentials without a type');
  }
}

function need(texts: ReadonlyMap<string, string>, name: string): string {
  const text = texts.get(name);
  if (text === undefined) throw new TypeError(`credentials without ${name}`);
  return text;
}
