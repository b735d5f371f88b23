import type { Clock } from '../time.js';

const sliceMs = 5_000;
const slices = 12;

/** How often something happens, over the last minute. */
export class Rate {
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #counts = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  add(count: number): void {
    const slice = this.#slice();
    this.#counts.set(slice, (this.#counts.get(slice) ?? 0) + count);
    this.#forget(slice);
  }

  get perSecond(): number {
    const slice = this.#slice();
    this.#forget(slice);
    const sum = [...this.#counts.values()].reduce((total, count) => total + count, 0);
    const fromMs = Math.max(this.#startedMs, (slice - slices + 1) * sliceMs);
    const seconds = Math.max(1, (this.#clock.monotonicMs() - fromMs) / 1000);
    return Math.round((sum / seconds) * 100) / 100;
  }

  #slice(): number {
    return Math.floor(this.#clock.monotonicMs() / sliceMs);
  }

  #forget(now: number): void {
    for (const slice of this.#counts.keys()) if (slice <= now - slices) this.#counts.delete(slice);
  }
}
