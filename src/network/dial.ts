import dns, { type LookupAddress } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';
import { untilAborted, type Clock } from '../time.js';

export interface Dialling {
  clock: Clock;
  /** How long the look-up and the attempts may take together. */
  withinMs: number;
  signal?: AbortSignal | undefined;
  /** The addresses of a name, in the order to try them; default those of `dns.lookup`. */
  addressesOf?: (name: string) => Promise<readonly LookupAddress[]>;
}

/** A connection that did not come about: the message has each address that was tried, and how it failed. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** The code of the first failure, such as `ECONNREFUSED`; `ETIMEDOUT` when no address answered in time. */
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** RFC 8305: a round trip to most places; a longer one costs a second attempt and no time. */
const nextAfterMs = 250;

/**
 * A TCP connection to the first address that answers. An address that has not answered is joined by the next,
 * of the other family where there is one, and each has all the time there is: neither a dead family nor a
 * round trip around the world keeps a host out of reach. No attempt outlives the call.
 *
 * @throws DialError
 * @throws the signal's reason when that is aborted first.
 */
export async function dial(host: string, port: number, dialling: Dialling): Promise<Socket> {
  const { clock, withinMs, signal, addressesOf = systemAddressesOf } = dialling;
  const ending = new AbortController();
  const leave = (): void => {
    ending.abort(signal?.reason);
  };
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave, { once: true });
  const tried = new Map<string, string>();
  const cancel = clock.after(withinMs, () => {
    const how = tried.size === 0 ? 'its name was not resolved' : listed(tried);
    const message = `no connection to ${at(host, port)} within ${withinMs} ms: ${how}`;
    ending.abort(new DialError(message, 'ETIMEDOUT'));
  });
  try {
    const addresses =
      isIP(host) === 0 ? inTurn(await untilAborted(addressesOf(host), ending.signal)) : [host];
    return await raceOf(addresses, { host, port, tried, clock, signal: ending.signal });
  } finally {
    cancel();
    signal?.removeEventListener('abort', leave);
  }
}

interface Race {
  host: string;
  port: number;
  /** Each address that was tried, and how it failed so far. */
  tried: Map<string, string>;
  clock: Clock;
  signal: AbortSignal;
}

function raceOf(addresses: readonly string[], { host, port, tried, clock, signal }: Race): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const waiting = addresses.slice();
    const running = new Set<Socket>();
    let firstError: NodeJS.ErrnoException | undefined;
    let cancelNext = (): void => undefined;

    const end = (): void => {
      cancelNext();
      signal.removeEventListener('abort', abort);
      for (const socket of running) socket.destroy();
      running.clear();
    };
    const abort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    const tryNext = (): void => {
      cancelNext();
      const address = waiting.shift();
      if (address === undefined) return;
      tried.set(address, 'no answer');
      const socket = connect({ host: address, port });
      running.add(socket);
      const fail = (error: NodeJS.ErrnoException): void => {
        if (!running.delete(socket)) return;
        tried.set(address, error.code ?? error.message);
        firstError ??= error;
        if (waiting.length > 0) tryNext();
        else if (running.size === 0) {
          end();
          const message = `no connection to ${at(host, port)}: ${listed(tried)}`;
          reject(new DialError(message, firstError.code ?? 'ECONNREFUSED', firstError));
        }
      };
      socket.on('error', fail);
      socket.once('connect', () => {
        running.delete(socket);
        socket.off('error', fail);
        end();
        resolve(socket);
      });
      if (waiting.length > 0) cancelNext = clock.after(nextAfterMs, tryNext);
    };
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    tryNext();
  });
}

/** The families by turns, the first one first. */
function inTurn(addresses: readonly LookupAddress[]): string[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const others = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const turns = Array.from({ length: Math.max(first.length, others.length) }, (_, n) => [
    first[n],
    others[n],
  ]);
  return turns.flat().flatMap((each) => (each === undefined ? [] : [each.address]));
}

function listed(tried: ReadonlyMap<string, string>): string {
  return [...tried].map(([address, how]) => `${address} ${how}`).join(', ');
}

function at(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** By the property, which `installResolver` replaces. */
function systemAddressesOf(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(name, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    });
  });
}
