import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type ConnectionOptions,
} from 'nats';
import { lastGood, type OnStale } from '../network/last-good.js';
import { readSecretText } from '../network/secret-text.js';

export type NatsAuth =
  | { type: 'none' }
  | { type: 'creds'; file: string }
  | { type: 'nkey'; seedFile: string }
  /** A file wins over the text, which is what was in it at first. */
  | { type: 'token'; token: string; tokenFile?: string | undefined }
  | { type: 'user'; user: string; password: string; passwordFile?: string | undefined };

export interface NatsTls {
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  handshakeFirst: boolean;
}

/** Told of files that cannot be used, by the key of the configuration: see `OnStale`. */
export type OnStaleFile = (key: string, error: unknown) => void;

/**
 * Files are read at each (re)connect, so that rotated credentials are picked up. One that cannot be read
 * makes the first connect fail; after that the bytes before have to do, and the server says whether they
 * still do. An authenticator that throws would close the connection for good.
 */
export function authentication(auth: NatsAuth, onStaleFile: OnStaleFile): Partial<ConnectionOptions> {
  switch (auth.type) {
    case 'none':
      return {};
    case 'creds':
      return { authenticator: fromFile(auth.file, credsAuthenticator, tells('nats.auth.file')) };
    case 'nkey':
      return {
        authenticator: fromFile(
          auth.seedFile,
          (bytes) => nkeyAuthenticator(trimmed(bytes)),
          tells('nats.auth.seedFile'),
        ),
      };
    case 'token':
      return { authenticator: tokenAuthenticator(textOf(auth.token, auth.tokenFile, 'nats.auth.tokenFile')) };
    case 'user': {
      const password = textOf(auth.password, auth.passwordFile, 'nats.auth.passwordFile');
      return { authenticator: usernamePasswordAuthenticator(auth.user, password) };
    }
  }

  function tells(key: string): OnStale {
    return (error) => {
      onStaleFile(key, error);
    };
  }
  function textOf(text: string, file: string | undefined, key: string): () => string {
    return file === undefined ? () => text : lastGood(() => readSecretText(file), tells(key), text);
  }
}

function fromFile(
  file: string,
  create: (bytes: Uint8Array) => Authenticator,
  onStale: OnStale,
): Authenticator {
  const current = lastGood(() => {
    const authenticator = create(readFileSync(file));
    // Half a file is found out here, and not in front of the server.
    authenticator('nonce');
    return authenticator;
  }, onStale);
  current();
  return (nonce) => current()(nonce);
}

function trimmed(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('utf8').trim());
}

/** With any `tls` the library refuses a server that offers none: there is no silent downgrade. */
export function encryption(
  servers: readonly string[],
  { handshakeFirst, ...files }: NatsTls,
  onStaleFile: OnStaleFile,
): Partial<ConnectionOptions> {
  if (!servers.some((server) => server.startsWith('tls:')) && !files.caFile && !files.certFile) return {};
  const context = lastGood(
    () => readContext(files),
    (error) => {
      onStaleFile('nats.tls', error);
    },
  );
  context();
  const tls = {
    handshakeFirst,
    checkServerIdentity: identityCheck(servers),
    /** Read by the library at each connect. */
    get secureContext() {
      return context();
    },
  };
  return { tls };
}

function readContext({ caFile, certFile, keyFile }: Omit<NatsTls, 'handshakeFirst'>): SecureContext {
  return createSecureContext({
    ...(caFile !== undefined && { ca: pem(caFile) }),
    ...(certFile !== undefined && { cert: pem(certFile) }),
    ...(keyFile !== undefined && { key: pem(keyFile) }),
  });
}

function pem(file: string): string {
  const text = readFileSync(file, 'utf8');
  // Node.js takes an empty file for no authorities at all.
  if (/-----END [^-]+-----\s*$/.test(text)) return text;
  throw Object.assign(new Error('a file of nats.tls does not end as PEM does'), { code: 'NotPem' });
}

/**
 * For a server that is configured by its address the library names no host, and Node.js would check the
 * certificate for `localhost`. It must be for one of the configured addresses instead.
 */
function identityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ''));
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  return (host, certificate) => {
    if (host !== 'localhost' || hosts.includes(host)) return checkServerIdentity(host, certificate);
    const faults = addresses.map((address) => checkServerIdentity(address, certificate));
    return faults.includes(undefined) ? undefined : (faults[0] ?? checkServerIdentity(host, certificate));
  };
}
