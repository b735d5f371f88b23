import { NatsError, type NatsConnection } from 'nats';
import { DialError } from '../network/dial.js';
import { retryUntilDone, systemClock, untilAborted, type Clock } from '../time.js';
import { authentication, encryption, type NatsAuth, type NatsTls, type OnStaleFile } from './secrets.js';
import type { Refusal } from './refusal.js';
import { connectOver } from './transport.js';
import { reasonOf } from './words.js';

export interface NatsOptions {
  servers: readonly string[];
  /** The connection's name, as the server lists it. */
  name: string;
  auth: NatsAuth;
  tls: NatsTls;
}

/** The reports of the connection. */
export interface ConnectionEvents {
  connected(server: string): void;
  connectFailed(servers: readonly string[], reason: string, error: unknown, retryInMs: number): void;
  disconnected(server: string): void;
  reconnected(server: string): void;
  /** An attempt to connect again came to nothing; the next one follows. */
  reconnectFailed(reason: string, error: unknown): void;
  /** The server refuses something: a subject, the credentials, what is beyond a limit. */
  refused(refusal: Refusal): void;
  /**
   * A file of secrets or certificates cannot be used, and what was in it before is; undefined: it can again.
   */
  staleFile(key: string, error: unknown): void;
}

/** The reply inbox lives under a prefix of its own, so that an account can be limited to it. */
export const inboxPrefix = '_INBOX_vod-relay';

export const connectBackOff = { baseMs: 500, maxMs: 5_000 };

interface Watchers {
  clock?: Clock;
  onStaleFile?: OnStaleFile;
  /** Told of each attempt to connect, or to connect again, that came to nothing. */
  onAttemptFailed?: (error: Error) => void;
}

/**
 * Connects once, and then reconnects for ever; the library's default gives up after 20 s. A frozen server is
 * noticed within `pingInterval × (maxPingOut + 1)` = 30 s.
 * @throws DialError when no server is reached.
 * @throws NatsError when a server refuses the credentials, or does not answer in time.
 * @throws Error when a file of credentials or certificates cannot be read.
 * @throws the signal's reason when that is aborted first.
 */
export async function connectNats(
  options: NatsOptions,
  signal: AbortSignal,
  { clock = systemClock, onStaleFile = () => undefined, onAttemptFailed = () => undefined }: Watchers = {},
): Promise<NatsConnection> {
  signal.throwIfAborted();
  const connecting = connectOver({
    servers: serverPool(options.servers),
    noRandomize: true,
    name: options.name,
    ...authentication(options.auth, onStaleFile),
    ...encryption(options.servers, options.tls, onStaleFile),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 500,
    ignoreAuthErrorAbort: true,
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: 10_000,
    inboxPrefix,
    // An Error object for each request costs more than the request.
    noAsyncTraces: true,
    clock,
    onAttemptFailed,
  });
  try {
    return await untilAborted(connecting, signal);
  } catch (error) {
    // The library cannot give up a dial; a connection that comes of it is closed.
    connecting.then((late) => late.close()).catch(() => undefined);
    throw error instanceof NatsError && error.chainedError instanceof DialError ? error.chainedError : error;
  }
}

/** Connects, and tries until it succeeds. @returns undefined when the signal is aborted first. */
export async function keepConnecting(
  options: NatsOptions,
  clock: Clock,
  events: ConnectionEvents,
  signal: AbortSignal,
): Promise<NatsConnection | undefined> {
  let isConnected = false;
  const watchers: Watchers = {
    clock,
    onStaleFile: (key, error) => {
      events.staleFile(key, error);
    },
    onAttemptFailed: (error) => {
      if (isConnected) events.reconnectFailed(reasonOf(error), error);
    },
  };
  const connection = await retryUntilDone(() => connectNats(options, signal, watchers), {
    clock,
    backOff: connectBackOff,
    signal,
    onFailure: (error, retryInMs) => {
      events.connectFailed(options.servers, reasonOf(error), error, retryInMs);
    },
  });
  if (!connection) return undefined;
  isConnected = true;
  events.connected(connection.getServer());
  return connection;
}

/**
 * In random order, and twice: the library drops for good a server that it cannot reach at the first connect,
 * and a server that is down just then would not be there for a later failover.
 */
function serverPool(servers: readonly string[]): string[] {
  const shuffled = servers
    .map((server) => ({ server, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ server }) => server);
  return shuffled.length === 1 ? shuffled : [...shuffled, ...shuffled];
}
