import type { Clock } from '../../time.js';
import type { StreamReader } from './reader.js';

interface Leadership {
  leader: string | undefined;
  sinceMs: number;
  seenAtMs: number;
}

/** Looks at a stream no more often than this, however many ask. */
const lookEveryMs = 1_000;
/**
 * After so long under one leader that most copies follow, all that was proposed before is stored or dropped.
 */
const settledAfterMs = 5_000;
/** Looks further apart than this say nothing about the time between them. */
const lookAtLeastMs = 30_000;

/**
 * Knows for how long a leader has been in touch with most copies of its stream, as far as it was looked at.
 */
export class StreamSteadiness {
  readonly #reader: Pick<StreamReader, 'state'>;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Leadership>();

  constructor(reader: Pick<StreamReader, 'state'>, clock: Clock) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /**
   * Looks at the stream, or at what a look just now has shown.
   * @returns the monotonic time from which all is decided that was proposed before; undefined while that is
   * to come.
   * @throws as StreamReader does.
   */
  async sinceMs(stream: string, signal: AbortSignal): Promise<number | undefined> {
    const nowMs = this.#clock.monotonicMs();
    let seen = this.#seen.get(stream);
    if (!seen || nowMs - seen.seenAtMs >= lookEveryMs) {
      seen = await this.#look(stream, seen, signal);
      if (seen) this.#seen.set(stream, seen);
      else this.#seen.delete(stream);
    }
    if (!seen) return undefined;
    const settledAtMs = seen.sinceMs + settledAfterMs;
    return settledAtMs <= seen.seenAtMs ? settledAtMs : undefined;
  }

  async #look(
    stream: string,
    before: Leadership | undefined,
    signal: AbortSignal,
  ): Promise<Leadership | undefined> {
    const { leader, hasQuorum } = await this.#reader.state(stream, signal);
    if (!hasQuorum) return undefined;
    const seenAtMs = this.#clock.monotonicMs();
    const isSame = before?.leader === leader && seenAtMs - (before?.seenAtMs ?? 0) < lookAtLeastMs;
    return { leader, sinceMs: isSame && before ? before.sinceMs : seenAtMs, seenAtMs };
  }
}
