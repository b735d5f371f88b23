import type { Clock } from '../time.js';

/** What a line adds when the trouble was told before: how often it came so far. */
export interface OnceFacts {
  times?: number;
}

interface Lasting {
  times: number;
  /** When each form of it was told last, monotonic. */
  readonly toldMs: Map<string, number>;
  cancelEnd: (() => void) | undefined;
}

const remindAfterMs = 600_000;
/** Told apart, at most: what says something else each time is still one trouble. */
const maxForms = 20;
const anyOther = 'any other';
/** What fails again sooner than this after it worked is one trouble that lasts, not one after the other. */
const calmMs = 5_000;

/** Tells a lasting trouble once, again every ten minutes for whoever looks only then, and its end. */
export class Once {
  readonly #clock: Clock;
  readonly #lasting = new Map<string, Lasting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The trouble under a key came, in one of the forms that it takes. Calls `write` unless that form was told of late. */
  tell(key: string, form: string, write: (facts: OnceFacts) => void): void {
    const trouble = this.#lasting.get(key) ?? {
      times: 0,
      toldMs: new Map<string, number>(),
      cancelEnd: undefined,
    };
    this.#lasting.set(key, trouble);
    trouble.cancelEnd?.();
    trouble.cancelEnd = undefined;
    trouble.times++;
    const nowMs = this.#clock.monotonicMs();
    const { toldMs, times } = trouble;
    const known = toldMs.has(form) || toldMs.size < maxForms ? form : anyOther;
    const lastMs = toldMs.get(known);
    if (lastMs !== undefined && nowMs - lastMs < remindAfterMs) return;
    toldMs.set(known, nowMs);
    write(lastMs === undefined ? {} : { times });
  }

  /** It works again. Calls `write`, with how often the trouble came, if there was one and it does not come back at once. */
  over(key: string, write: (times: number) => void): void {
    const trouble = this.#lasting.get(key);
    if (!trouble) return;
    trouble.cancelEnd ??= this.#clock.after(calmMs, () => {
      this.#lasting.delete(key);
      write(trouble.times);
    });
  }

  /** The trouble is over for good, and something else says so. */
  forget(key: string): void {
    this.#lasting.get(key)?.cancelEnd?.();
    this.#lasting.delete(key);
  }
}
