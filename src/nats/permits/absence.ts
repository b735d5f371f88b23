import type { Clock } from '../../time.js';

/** The message of a replica to the others about a call that VOD refused for its quota. */
export interface Refusal {
  /** The number of its permit. */
  permit: number;
  /** How often the permit had been handed out. */
  deliveries: number;
  /** When the permit is handed out again, epoch milliseconds, if it stays away for long; else 0. */
  backAtMs: number;
}

const shortMs = 2_000;
/** All permits come back within this. */
const roundMs = 100_000;
/** For the permits that come back one by one, a refusal is put down to the last one for this long at most. */
const suspectMs = 4_000;
/** A permit that came back and was not refused again within this is back for good. */
const calmMs = 10_000;
/** A permit that was handed out once in between, for no call, is refused in a row all the same. */
const unusedBetween = 1;

/**
 * How long a permit stays away after a refusal, so that calls are refused seldom while the quota is lower
 * than the permits say, and a refusal now and then costs little.
 *
 * The first time it is two seconds. A permit that is refused in a row stays away for long, and so does one
 * that is refused right after another came back from long: there is one too many. Each number has a time of
 * its own in a round of 100 s at which it comes back, the same on every replica. So permits come back one by
 * one, at most ten in 100 s for a rate of 10: while the quota is lower, that is about one refused call in ten
 * seconds; when it is as before, all are back after one round.
 */
export class PermitAbsence {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #lastRefusedAt = new Map<number, number>();
  /** Monotonic time, as all below: only between replicas, and for the round, is it the time of day. */
  #backAt: number[] = [];
  #slowedUntil: number | undefined;

  constructor(perSecond: number, clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /**
   * Takes note of a refusal on any replica, this one included. One of a permit that there is not is passed
   * over, and no permit stays away for longer than a round, whatever the clock of the other says.
   */
  note({ permit, deliveries, backAtMs }: Refusal): void {
    if (!(permit <= this.#perSecond) || Number.isNaN(backAtMs)) return;
    this.#lastRefusedAt.set(permit, deliveries);
    if (backAtMs === 0) return;
    const now = this.#clock.monotonicMs();
    const backAt = now + Math.min(Math.max(0, backAtMs - this.#clock.now()), roundMs);
    this.#forget(now);
    this.#backAt.push(backAt);
    this.#slowedUntil = Math.max(this.#slowedUntil ?? 0, backAt + calmMs);
  }

  /**
   * @returns for how long the permit of a call that was refused now stays away, ms; and what the others need
   * to know.
   */
  refuse(permit: number, deliveries: number, random = Math.random): { awayMs: number; refusal: Refusal } {
    const now = this.#clock.monotonicMs();
    this.#forget(now);
    const isLong = this.#isInARow(permit, deliveries) || this.#isSuspect(now);
    const awayMs = isLong ? this.#untilItsTime(permit) : shortMs * (0.75 + random() / 2);
    return { awayMs, refusal: { permit, deliveries, backAtMs: isLong ? this.#clock.now() + awayMs : 0 } };
  }

  /** Whether permits stayed away for long, and all have been back for a while. Says so once. */
  isOver(): boolean {
    if (this.#slowedUntil === undefined || this.#clock.monotonicMs() < this.#slowedUntil) return false;
    this.#slowedUntil = undefined;
    return true;
  }

  #forget(now: number): void {
    this.#backAt = this.#backAt.filter((backAt) => now - backAt < suspectMs);
  }

  #isInARow(permit: number, deliveries: number): boolean {
    const last = this.#lastRefusedAt.get(permit) ?? -Infinity;
    return deliveries >= last && deliveries <= last + 1 + unusedBetween;
  }

  /** With a high rate, refusals that have nothing to do with a return are frequent. */
  #isSuspect(now: number): boolean {
    const withinMs = Math.min(suspectMs, (10 * suspectMs) / this.#perSecond);
    return this.#backAt.some((backAt) => backAt <= now && now - backAt < withinMs);
  }

  #untilItsTime(permit: number): number {
    const itsTimeMs = ((permit - 1) * roundMs) / this.#perSecond;
    const untilMs = (itsTimeMs - this.#clock.now()) % roundMs;
    return untilMs > 0 ? untilMs : untilMs + roundMs;
  }
}
