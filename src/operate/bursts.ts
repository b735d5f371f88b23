import type { Clock } from '../time.js';

/** What a line adds for what it stands for: nothing for one thing, else how many since the line before. */
export interface BurstFacts {
  count?: number;
}

type Write = (facts: BurstFacts) => void;

interface Burst {
  /** Not told yet. */
  count: number;
  /** Writes the last of them. */
  write: Write;
}

const everyMs = 10_000;

/** Tells what can happen to thousands of messages at once: the first at once, then one line in ten seconds with a count. */
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
    this.#bursts.set(kind, { count: 0, write });
    this.#lookLater(kind);
    write({});
  }

  /** Tells at once what was not told yet. Call before the last line. */
  flush(): void {
    for (const burst of this.#bursts.values()) sum(burst);
  }

  #lookLater(kind: string): void {
    this.#clock.after(everyMs, () => {
      const burst = this.#bursts.get(kind);
      if (!burst || burst.count === 0) {
        this.#bursts.delete(kind);
        return;
      }
      this.#lookLater(kind);
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
