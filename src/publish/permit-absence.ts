/** What a replica tells the others of a call that VOD refused for its quota. */
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
 * How long a permit stays away after a refusal, so that calls are refused seldom while the quota is lower than the
 * permits say, and a refusal now and then costs little.
 *
 * The first time it is two seconds. A permit that is refused in a row stays away for long, and so does one that is
 * refused right after another came back from long: there is one too many. Each number has a time of its own in a
 * round of 100 s at which it comes back, the same on every replica. So permits come back one by one, at most ten in
 * 100 s for a rate of 10: while the quota is lower, that is about one refused call in ten seconds; when it is as
 * before, all are back after one round.
 */
export class PermitAbsence {
  readonly #perSecond: number;
  readonly #lastRefusedAt = new Map<number, number>();
  #backAtMs: number[] = [];
  #slowedUntilMs: number | undefined;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes note of a refusal on any replica, this one included. */
  note({ permit, deliveries, backAtMs }: Refusal): void {
    this.#lastRefusedAt.set(permit, deliveries);
    if (backAtMs === 0) return;
    this.#backAtMs.push(backAtMs);
    this.#slowedUntilMs = Math.max(this.#slowedUntilMs ?? 0, backAtMs + calmMs);
  }

  /** @returns for how long the permit of a call that was refused now stays away, ms; and what the others need to know. */
  refuse(
    permit: number,
    deliveries: number,
    nowMs: number,
    random = Math.random,
  ): { awayMs: number; refusal: Refusal } {
    this.#backAtMs = this.#backAtMs.filter((backAtMs) => nowMs - backAtMs < suspectMs);
    const isLong = this.#isInARow(permit, deliveries) || this.#isSuspect(nowMs);
    const awayMs = isLong ? this.#untilItsTime(permit, nowMs) : shortMs * (0.75 + random() / 2);
    return { awayMs, refusal: { permit, deliveries, backAtMs: isLong ? nowMs + awayMs : 0 } };
  }

  /** Whether permits stayed away for long, and all have been back for a while. Says so once. */
  isOver(nowMs: number): boolean {
    if (this.#slowedUntilMs === undefined || nowMs < this.#slowedUntilMs) return false;
    this.#slowedUntilMs = undefined;
    return true;
  }

  #isInARow(permit: number, deliveries: number): boolean {
    const last = this.#lastRefusedAt.get(permit) ?? -Infinity;
    return deliveries >= last && deliveries <= last + 1 + unusedBetween;
  }

  /** With a high rate, refusals that have nothing to do with a return are frequent. */
  #isSuspect(nowMs: number): boolean {
    const withinMs = Math.min(suspectMs, (10 * suspectMs) / this.#perSecond);
    return this.#backAtMs.some((backAtMs) => backAtMs <= nowMs && nowMs - backAtMs < withinMs);
  }

  #untilItsTime(permit: number, nowMs: number): number {
    const itsTimeMs = ((permit - 1) * roundMs) / this.#perSecond;
    const untilMs = (itsTimeMs - nowMs) % roundMs;
    return untilMs > 0 ? untilMs : untilMs + roundMs;
  }
}
