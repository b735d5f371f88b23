import type { Clock } from '../time.js';

const windowMs = 15_000;

/**
 * How old messages of a queue are when they arrive: by EnqueueTime, the oldest of the last half minute in
 * which any came. 0 once a poll comes back empty. It keeps its value while nothing can be received, since
 * that mends no lag.
 */
export class QueueLag {
  readonly #clock: Clock;
  #sinceMs = 0;
  #oldestMs = 0;
  #beforeMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ms(): number {
    return Math.max(this.#oldestMs, this.#beforeMs);
  }

  /** A poll brought messages, the oldest of which was enqueued then (epoch milliseconds). */
  received(oldestEnqueuedAtMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs > windowMs) {
      this.#beforeMs = nowMs - this.#sinceMs > 2 * windowMs ? 0 : this.#oldestMs;
      this.#oldestMs = 0;
      this.#sinceMs = nowMs;
    }
    this.#oldestMs = Math.max(this.#oldestMs, this.#clock.now() - oldestEnqueuedAtMs);
  }

  /** A poll found the queue empty. */
  empty(): void {
    this.#oldestMs = 0;
    this.#beforeMs = 0;
  }
}
