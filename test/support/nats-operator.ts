import { createHash } from 'node:crypto';
import { nkeys } from 'nats';

/** An Ed25519 key pair in the encoding of NATS. */
export interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(data: Uint8Array): Uint8Array;
}

/** The library re-exports this module without its types. */
const keys = nkeys as Record<'createOperator' | 'createAccount' | 'createUser', () => KeyPair>;

/** The key pair of a user. */
export function createUserKey(): KeyPair {
  return keys.createUser();
}

/** A key's secret, as it stands in a file. */
export function seedText(key: KeyPair): string {
  return Buffer.from(key.getSeed()).toString('ascii');
}

/**
 * The files that a nats-server and a user need for authentication by JWT, with an operator, an account and a
 * user of its own.
 */
export interface NatsOperator {
  /** For the server's configuration. */
  config: string;
  /** The content of a credentials file. */
  creds: string;
}

export function createNatsOperator(): NatsOperator {
  const operator = keys.createOperator();
  const system = keys.createAccount();
  const account = keys.createAccount();
  const user = createUserKey();
  const unlimited = {
    subs: -1,
    conn: -1,
    leaf: -1,
    imports: -1,
    exports: -1,
    data: -1,
    payload: -1,
    wildcards: true,
  };
  const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

  const operatorJwt = jwt(operator, operator, { type: 'operator', system_account: system.getPublicKey() });
  const systemJwt = jwt(operator, system, { type: 'account', limits: unlimited });
  const accountJwt = jwt(operator, account, { type: 'account', limits: { ...unlimited, ...jetStream } });
  const userJwt = jwt(account, user, { type: 'user', subs: -1, data: -1, payload: -1 });
  return {
    config: [
      `operator: ${operatorJwt}`,
      'resolver: MEMORY',
      `resolver_preload: { ${system.getPublicKey()}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }`,
    ].join('\n'),
    creds: [
      '-----BEGIN NATS USER JWT-----',
      userJwt,
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      seedText(user),
      '------END USER NKEY SEED------',
      '',
    ].join('\n'),
  };
}

/** A JWT as NATS defines it (version 2 of its claims), signed with the issuer's key. */
function jwt(issuer: KeyPair, subject: KeyPair, claims: Readonly<Record<string, unknown>>): string {
  const unsigned = {
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: subject.getPublicKey(),
    nats: { ...claims, version: 2 },
  };
  const jti = createHash('sha256').update(JSON.stringify(unsigned)).digest('hex').toUpperCase();
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...unsigned, jti })}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
}
