/**
 * Time as the stages see it. Every wait and every reading of a clock goes through here, so that a test can
 * own time by passing its own Clock, and so that every wait ends at once when its signal is aborted.
 * Milliseconds everywhere; seconds exist only on the MNS wire.
 */
export interface Clock {
  /** Wall-clock time, epoch milliseconds; may jump. For time stamps only. */
  now(): number;
  /** Monotonic milliseconds; never jumps. For deadlines and durations. */
  monotonicMs(): number;
  /**
   * Calls `run` once after `delayMs`, never when that is no finite number; the returned function cancels it.
   */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const leftMs = dueMs - performance.now();
      timer = leftMs <= longestTimerMs ? setTimeout(run, leftMs) : setTimeout(wait, longestTimerMs);
    };
    wait();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** `setTimeout` fires at once for anything above, and for what is no number. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Resolves after `delayMs`, or as soon as `signal` is aborted. Never rejects: the caller looks at its signal.
 */
export async function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(delayMs, wake);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

/**
 * Resolves when the promise settles, either way, after `withinMs`, or when the signal is aborted. Never
 * rejects.
 */
export async function settledWithin(
  clock: Clock,
  withinMs: number,
  promise: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  const settle = (): void => {
    settled.abort();
  };
  promise.then(settle, settle);
  await sleep(clock, withinMs, signal ? AbortSignal.any([settled.signal, signal]) : settled.signal);
}

/** Resolves when the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

/** Settles as the promise does, or rejects with the signal's reason as soon as that is aborted. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

export interface BackOff {
  /** The first delay, in milliseconds. */
  baseMs: number;
  /** No delay is longer than this. */
  maxMs: number;
}

/**
 * The delay before attempt `failures + 1`: doubles with each failure, with half of it random (full delays
 * would synchronise replicas).
 */
export function backOffMs({ baseMs, maxMs }: BackOff, failures: number, random = Math.random): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return ceilingMs * (0.5 + random() / 2);
}

export interface Retrying {
  clock: Clock;
  backOff: BackOff;
  signal: AbortSignal;
  onFailure: (error: unknown, retryInMs: number) => void;
}

/** Calls `attempt` until it succeeds. @returns undefined when the signal is aborted first. */
export async function retryUntilDone<T>(
  attempt: () => Promise<T>,
  { clock, backOff, signal, onFailure }: Retrying,
): Promise<T | undefined> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) break;
      const retryInMs = backOffMs(backOff, failures);
      onFailure(error, retryInMs);
      await sleep(clock, retryInMs, signal);
    }
  }
  return undefined;
}

export interface RecurringOptions {
  clock: Clock;
  everyMs: number;
  /** Aborted: it is done no more. */
  signal: AbortSignal;
  /** Must not reject. */
  work: () => Promise<void>;
}

/** Work that is done now and then, one at a time, and sooner when somebody asks. */
export class Recurring {
  readonly #options: RecurringOptions;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel = (): void => undefined;
  #last = Promise.resolve();

  /** It is done for the first time after `everyMs`. */
  constructor(options: RecurringOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => {
      this.#cancel();
    });
    this.within(options.everyMs);
  }

  /** Has it done after this long at the latest. */
  within(delayMs: number): void {
    const { clock, signal } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    if (signal.aborted || dueMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = dueMs;
    this.#cancel = clock.after(delayMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#last = this.#last.then(() => this.#once());
    });
  }

  async #once(): Promise<void> {
    const { signal, everyMs, work } = this.#options;
    if (signal.aborted) return;
    await work();
    this.within(everyMs);
  }
}
