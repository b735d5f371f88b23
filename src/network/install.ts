import dns, { type LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import type { Clock } from '../time.js';
import { askDnsServers, isInHostsFile } from './dns-servers.js';
import { Resolver } from './resolver.js';

type Lookup = (
  name: string,
  options: dns.LookupOptions | number | LookupCallback,
  callback?: LookupCallback,
) => void;
type LookupCallback = (error: Error | null, found?: string | LookupAddress[], family?: number) => void;

/**
 * For libraries that dial by themselves, one address after the other: the other side of the world, and to
 * spare.
 */
const attemptWithinMs = 2_500;

/**
 * Gives every part of the process, libraries too, the names of one Resolver and time for far addresses. A
 * library that looks names up by itself would take the threads of all others.
 */
export function installNetwork(clock: Clock): void {
  setDefaultAutoSelectFamilyAttemptTimeout(attemptWithinMs);
  const original = dns.lookup;
  const resolver = new Resolver({
    lookUp: (name) =>
      new Promise((resolve, reject) => {
        original(name, { all: true }, (error, addresses) => {
          if (error) reject(error);
          else resolve(addresses);
        });
      }),
    isLocal: isInHostsFile,
    ask: (name) => askDnsServers(name, clock),
    clock,
  });
  Object.assign(dns, { lookup: lookupBy(resolver, original as Lookup) });
  syncBuiltinESMExports();
}

function lookupBy(resolver: Resolver, original: Lookup): Lookup {
  return (name, options, callback) => {
    if (!name || isIP(name) !== 0) {
      original(name, options, callback);
      return;
    }
    const done = (callback ?? options) as LookupCallback;
    const { all = false, family = 0 } =
      typeof options === 'object' ? options : { family: typeof options === 'number' ? options : 0 };
    const wanted = Number(String(family).replace('IPv', ''));
    const answer = (addresses: readonly LookupAddress[]): void => {
      const fitting = addresses.filter((each) => wanted === 0 || each.family === wanted);
      const [first] = fitting;
      if (!first) done(notFound(name));
      else if (all) done(null, fitting);
      else done(null, first.address, first.family);
    };
    // Outside the promise, so that what a callback throws is thrown, as it is by the original.
    resolver.resolve(name).then(
      (addresses) => {
        process.nextTick(answer, addresses);
      },
      (error: unknown) => {
        process.nextTick(done, error);
      },
    );
  };
}

function notFound(hostname: string): Error {
  const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
  return Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname });
}
