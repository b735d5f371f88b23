import { sleep, type Clock } from '../time.js';

/** A timer is a millisecond late at its best; so much may be made up for, and no more. */
const catchUpMs = 5;

/** Spaces turns evenly: no more than `perSecond`, and no burst after a pause. */
export class Pace {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #nextMs = 0;

  constructor(perSecond: number, clock: Clock) {
    this.#intervalMs = 1000 / perSecond;
    this.#clock = clock;
  }

  /** Resolves when it is the caller's turn, first come, first served; at once when the signal is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const dueMs = Math.max(this.#nextMs, nowMs - catchUpMs);
    this.#nextMs = dueMs + this.#intervalMs;
    if (dueMs > nowMs) await sleep(this.#clock, dueMs - nowMs, signal);
  }
}
