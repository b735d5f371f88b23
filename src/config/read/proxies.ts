import type { Environment } from './environment.js';

const proxyVariables = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

/**
 * The variables of the environment that name a proxy, in either case. MNS, VOD, STS and NATS are dialled
 * directly, so none of them has an effect. Names only: a value may hold a password.
 */
export function ignoredProxies(env: Environment): string[] {
  return Object.keys(env).filter((name) => proxyVariables.includes(name.toUpperCase()) && env[name] !== '');
}
