import type { Clock } from '../time.js';

/** Extra field of a grouped line: how many occurrences it stands for; none for one. */
export interface BurstFacts {
  count?: number;
}

type Write = (facts: BurstFacts) => void;

interface Burst {
  /** Not told yet. */
  count: number;
  /** How many lines it had. */
  lines: number;
  /** Writes the last of them. */
  write: Write;
}

/** How long after the first line the second one comes, and so on; the last one holds for all others. */
const afterMs = [10_000, 60_000, 600_000] as const;

/**
 * Tells what can happen to thousands of messages at once: the first at once, one line after ten seconds, one
 * after a minute more, and then one in ten minutes, each with a count.
 */
export class Bursts {
  readonly #clock: Clock;
  readonly #bursts = new Map<string, Burst>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One thing of a kind happened. `write` may be called later, or never when another of the kind follows. */
  tell(kind: string, write: Write): void {
    const burst = this.#bursts.get(kind);
    if (burst) {
      burst.count++;
      burst.write = write;
      return;
    }
    this.#bursts.set(kind, { count: 0, lines: 1, write });
    this.#lookLater(kind, 1);
    write({});
  }

  /** Tells at once what was not told yet. Call before the last line. */
  flush(): void {
    for (const burst of this.#bursts.values()) sum(burst);
  }

  #lookLater(kind: string, lines: number): void {
    this.#clock.after(afterMs[lines - 1] ?? afterMs[2], () => {
      const burst = this.#bursts.get(kind);
      if (!burst || burst.count === 0) {
        this.#bursts.delete(kind);
        return;
      }
      this.#lookLater(kind, ++burst.lines);
      sum(burst);
    });
  }
}

function sum(burst: Burst): void {
  if (burst.count === 0) return;
  const { count, write } = burst;
  burst.count = 0;
  write({ count });
}
