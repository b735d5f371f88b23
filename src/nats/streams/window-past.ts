import type { Clock } from '../../time.js';

/** The stream remembers all ids that were stored in its window, but those from before a time. */
interface Gap {
  knownSinceMs: number;
  windowMs: number;
}

/** Clocks of MNS, VOD, NATS and this machine differ by less. */
const marginMs = 600_000;

/**
 * What the streams have forgotten: a duplicate window that is lengthened does not recall the ids that had left it. Until
 * the longer window has passed, the stream itself has to be asked for what may have been stored before.
 */
export class WindowPast {
  readonly #clock: Clock;
  readonly #gaps = new Map<string, Gap>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The stream knows no id that was stored before this epoch time, though its window is as long as this. */
  note(stream: string, knownSinceMs: number, windowMs: number): void {
    const before = this.#gaps.get(stream);
    this.#gaps.set(stream, {
      knownSinceMs: Math.max(knownSinceMs, before?.knownSinceMs ?? 0),
      windowMs: Math.max(windowMs, before?.windowMs ?? 0),
    });
  }

  /** Whether the stream may hold what happened at this epoch time or later, and not know its id. */
  mayHaveForgotten(stream: string, happenedAtMs: number): boolean {
    const gap = this.#gaps.get(stream);
    if (!gap) return false;
    const { knownSinceMs, windowMs } = gap;
    return (
      happenedAtMs < knownSinceMs + marginMs && this.#clock.now() < knownSinceMs + windowMs + 2 * marginMs
    );
  }
}
