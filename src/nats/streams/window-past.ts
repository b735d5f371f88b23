import type { Clock } from '../../time.js';

/** The stream remembers all ids that were stored in its window, but those from before a time. */
interface Gap {
  knownSinceMs: number;
  windowMs: number;
}

/** Clocks of MNS, VOD, NATS and this machine differ by less. */
const marginMs = 600_000;

/**
 * The ids that the streams have forgotten: a duplicate window that is lengthened does not recall the ids that
 * had left it. Until the longer window has passed, the stream itself has to be asked for what may have been
 * stored before; and always for what is older than a window that is too short and may not be lengthened.
 */
export class WindowPast {
  readonly #clock: Clock;
  readonly #gaps = new Map<string, Gap>();
  /** As they were seen last. */
  readonly #windowsMs = new Map<string, number>();
  readonly #tooShort = new Set<string>();

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

  /**
   * A look at a stream: its window, and that which it should have. Somebody else may have lengthened it since
   * the last.
   */
  seen(stream: string, windowMs: number, wantedMs: number): void {
    const beforeMs = this.#windowsMs.get(stream) ?? windowMs;
    if (beforeMs < windowMs) this.note(stream, this.#clock.now() - beforeMs, windowMs);
    this.#windowsMs.set(stream, windowMs);
    if (windowMs < wantedMs) this.#tooShort.add(stream);
    else this.#tooShort.delete(stream);
  }

  /** Whether the stream may hold what happened at this epoch time or later, and not know its id. */
  mayHaveForgotten(stream: string, happenedAtMs: number): boolean {
    const windowMs = this.#windowsMs.get(stream) ?? 0;
    if (this.#tooShort.has(stream) && happenedAtMs < this.#clock.now() - windowMs + marginMs) return true;
    const gap = this.#gaps.get(stream);
    if (!gap) return false;
    const { knownSinceMs } = gap;
    return (
      happenedAtMs < knownSinceMs + marginMs && this.#clock.now() < knownSinceMs + gap.windowMs + 2 * marginMs
    );
  }
}
