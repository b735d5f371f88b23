import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  type Authenticator,
  type ConnectionOptions,
  type NatsConnection,
} from 'nats';

export interface NatsOptions {
  servers: readonly string[];
  /** The connection's name, as the server lists it. */
  name: string;
  auth:
    | { type: 'none' }
    | { type: 'creds'; file: string }
    | { type: 'nkey'; seedFile: string }
    | { type: 'token'; token: string }
    | { type: 'user'; user: string; password: string };
  tls: {
    caFile?: string | undefined;
    certFile?: string | undefined;
    keyFile?: string | undefined;
    handshakeFirst: boolean;
  };
}

/** What the connection reports. */
export interface ConnectionEvents {
  disconnected(server: string): void;
  reconnected(server: string): void;
  /** The server refuses something: permissions, authorization. */
  refused(reason: string): void;
}

/** The reply inbox lives under a prefix of its own, so that an account can be limited to it. */
export const inboxPrefix = '_INBOX_vod-relay';

/**
 * Connects once, and then reconnects for ever; the library's default gives up after 20 s. A frozen server is noticed
 * within `pingInterval × (maxPingOut + 1)` = 30 s.
 * @throws NatsError when there is no server, or it refuses the credentials.
 * @throws Error when a file of credentials or certificates cannot be read.
 * @throws the signal's reason when that is aborted first.
 */
export async function connectNats(options: NatsOptions, signal: AbortSignal): Promise<NatsConnection> {
  signal.throwIfAborted();
  const connecting = connect({
    servers: serverPool(options.servers),
    noRandomize: true,
    name: options.name,
    ...authentication(options.auth),
    ...encryption(options),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 500,
    ignoreAuthErrorAbort: true,
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: 5_000,
    inboxPrefix,
    // An Error object for each request costs more than the request.
    noAsyncTraces: true,
  });
  return await untilAborted(connecting, signal);
}

/**
 * In random order, and twice: the library drops for good a server that it cannot reach at the first connect, and a
 * server that is down just then would not be there for a later failover.
 */
function serverPool(servers: readonly string[]): string[] {
  const shuffled = servers
    .map((server) => ({ server, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ server }) => server);
  return shuffled.length === 1 ? shuffled : [...shuffled, ...shuffled];
}

/** The library cannot give up a dial, which takes up to its timeout; a connection that comes of it is closed. */
async function untilAborted(
  connecting: Promise<NatsConnection>,
  signal: AbortSignal,
): Promise<NatsConnection> {
  return await new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
      connecting.then((late) => late.close()).catch(() => undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    connecting.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

/**
 * Files are read at each (re)connect, so that rotated credentials are picked up. One that cannot be read makes the
 * first connect fail; after that the bytes before have to do, since an authenticator that throws closes the
 * connection for good.
 */
function authentication(auth: NatsOptions['auth']): Partial<ConnectionOptions> {
  const fromFile = (create: (bytes: Uint8Array) => Authenticator, file: string): Authenticator => {
    let bytes: Uint8Array = readFileSync(file);
    return (nonce) => {
      try {
        bytes = readFileSync(file);
      } catch {
        // The server says whether they still do.
      }
      return create(bytes)(nonce);
    };
  };
  switch (auth.type) {
    case 'none':
      return {};
    case 'creds':
      return { authenticator: fromFile(credsAuthenticator, auth.file) };
    case 'nkey':
      return { authenticator: fromFile((bytes) => nkeyAuthenticator(trimmed(bytes)), auth.seedFile) };
    case 'token':
      return { token: auth.token };
    case 'user':
      return { user: auth.user, pass: auth.password };
  }
}

function trimmed(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('utf8').trim());
}

/** With any `tls` the library refuses a server that offers none: there is no silent downgrade. */
function encryption({ servers, tls }: NatsOptions): Partial<ConnectionOptions> {
  const { caFile, certFile, keyFile, handshakeFirst } = tls;
  if (!servers.some((server) => server.startsWith('tls:')) && !caFile && !certFile) return {};
  const options = {
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
    handshakeFirst,
    checkServerIdentity: identityCheck(servers),
  };
  return { tls: options };
}

/**
 * For a server that is configured by its address the library names no host, and Node.js would check the certificate
 * for `localhost`. It must be for one of the configured addresses instead.
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
