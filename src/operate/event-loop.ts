import type { Clock } from '../time.js';

const everyMs = 1_000;

/** Knows for how long the event loop was held up of late: one timer is due each second. */
export class EventLoop {
  readonly #clock: Clock;
  #dueMs = 0;
  #delayMs = 0;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#schedule();
  }

  /** How late the last timer was, or the next one already is. */
  get delayMs(): number {
    return Math.max(this.#delayMs, this.#clock.monotonicMs() - this.#dueMs);
  }

  close(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#dueMs = this.#clock.monotonicMs() + everyMs;
    this.#cancel = this.#clock.after(everyMs, () => {
      this.#delayMs = Math.max(0, this.#clock.monotonicMs() - this.#dueMs);
      this.#schedule();
    });
  }
}
