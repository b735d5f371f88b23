import type { LookupAddress } from 'node:dns';
import { untilAborted, type Clock } from '../time.js';
import type { DnsAnswer } from './dns-servers.js';

export interface ResolverParts {
  /**
   * The system's own look-up. It holds one of its few threads until it ends, and nothing can end it earlier.
   */
  lookUp: (name: string) => Promise<readonly LookupAddress[]>;
  /** Whether the system has the name without asking a server. */
  isLocal: (name: string) => boolean;
  /** Asks the servers without a thread; undefined when they are silent. */
  ask: (name: string) => Promise<DnsAnswer | undefined>;
  clock: Clock;
}

interface Known {
  addresses: readonly LookupAddress[];
  freshUntilMs: number;
}

/**
 * The system's look-up tells no time to live: short enough to follow a host that moves, long enough for a
 * burst.
 */
const freshForMs = 10_000;
/** A look-up that takes longer counts as slow, and addresses from before are used instead. */
const promptWithinMs = 1_000;
/** Then the caller is told. Less than any connect timeout, so that the error names the cause. */
const answerWithinMs = 4_000;

/**
 * The addresses of names, for all of the process.
 *
 * Node.js looks names up on two of libuv's threads, for as long as the servers are silent: 10 s for each
 * server and domain of the search list. Two names that nobody answers would stop every other. So each name is
 * asked about once at a time, and first without a thread; only a name that the servers answer, or that is in
 * the hosts file, gets a thread at once. All the silent ones share one, by turns.
 */
export class Resolver {
  readonly #parts: ResolverParts;
  readonly #known = new Map<string, Known>();
  readonly #flights = new Map<string, Promise<readonly LookupAddress[]>>();
  /** The names that hold a thread, or are about to. */
  readonly #running = new Map<string, Promise<readonly LookupAddress[]>>();
  /** The silent names, which wait for their one thread. */
  readonly #silent = new Map<string, Promise<readonly LookupAddress[]>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ResolverParts) {
    this.#parts = parts;
  }

  /**
   * Addresses that are at most ten seconds old, or, while the servers are silent or fail, the last ones there
   * were.
   * @throws Error with the code of the system's look-up, or `EAI_AGAIN` when no server answers in time.
   */
  async resolve(name: string): Promise<readonly LookupAddress[]> {
    const { clock } = this.#parts;
    const known = this.#known.get(name);
    if (known && clock.monotonicMs() < known.freshUntilMs) return known.addresses;
    const flight = this.#flights.get(name) ?? this.#fly(name);
    if (!known) return await flight;
    const late = new AbortController();
    const cancel = clock.after(promptWithinMs, () => {
      late.abort();
    });
    try {
      return await untilAborted(flight, late.signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') throw error;
      return known.addresses;
    } finally {
      cancel();
    }
  }

  #fly(name: string): Promise<readonly LookupAddress[]> {
    const flight = this.#find(name).finally(() => {
      this.#flights.delete(name);
    });
    this.#flights.set(name, flight);
    return flight;
  }

  #find(name: string): Promise<readonly LookupAddress[]> {
    const { ask, isLocal, clock } = this.#parts;
    return new Promise((resolve, reject) => {
      if (isLocal(name)) {
        this.#run(name).then(resolve, reject);
        return;
      }
      const timers = [
        clock.after(promptWithinMs, () => {
          this.#runInTurn(name).then(found, failed);
        }),
        clock.after(answerWithinMs, () => {
          failed(silence(name));
        }),
      ];
      const end = (): void => {
        for (const cancel of timers) cancel();
      };
      const found = (addresses: readonly LookupAddress[]): void => {
        end();
        resolve(addresses);
      };
      const failed = (error: Error): void => {
        end();
        reject(error);
      };
      ask(name).then((answer) => {
        if (answer === undefined) return;
        const { addresses, isWhole } = answer;
        const foundByServers = (): void => {
          found(this.#remember(name, addresses));
        };
        if (addresses.length > 0) {
          // The system's look-up would wait for what the servers do not answer, or is waiting already.
          if (!isWhole || this.#running.has(name)) {
            foundByServers();
            return;
          }
          timers.push(clock.after(promptWithinMs, foundByServers));
        }
        this.#run(name).then(found, failed);
      }, failed);
    });
  }

  /** On a thread of the system, one for a name. */
  #run(name: string): Promise<readonly LookupAddress[]> {
    const running =
      this.#running.get(name) ??
      this.#parts
        .lookUp(name)
        .then((addresses) => this.#remember(name, addresses))
        .finally(() => {
          this.#running.delete(name);
        });
    this.#running.set(name, running);
    return running;
  }

  /**
   * On the one thread for names that nobody answers: they may be known to something else than a DNS server.
   */
  #runInTurn(name: string): Promise<readonly LookupAddress[]> {
    const before = this.#running.get(name) ?? this.#silent.get(name);
    if (before) return before;
    const waiting = this.#turn
      .then(() => {
        const known = this.#known.get(name);
        const isFresh = known && this.#parts.clock.monotonicMs() < known.freshUntilMs;
        return isFresh ? known.addresses : this.#run(name);
      })
      .finally(() => {
        this.#silent.delete(name);
      });
    this.#silent.set(name, waiting);
    this.#turn = waiting.catch(() => undefined);
    return waiting;
  }

  #remember(name: string, addresses: readonly LookupAddress[]): readonly LookupAddress[] {
    this.#known.set(name, { addresses, freshUntilMs: this.#parts.clock.monotonicMs() + freshForMs });
    return addresses;
  }
}

function silence(name: string): NodeJS.ErrnoException {
  const error = new Error(`no DNS server answers for ${name} within ${answerWithinMs} ms`);
  return Object.assign(error, { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname: name });
}
