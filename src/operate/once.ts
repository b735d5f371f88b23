import type { Clock } from '../time.js';

/** Extra field of a repeated line: how many occurrences there were since the line before. */
export interface OnceFacts {
  count?: number;
}

interface Form {
  /** When it was told last, monotonic. */
  toldMs: number;
  /** How often it came since. */
  untold: number;
}

interface Lasting {
  total: number;
  readonly forms: Map<string, Form>;
  /** It is over when it has not come for this long after it worked again. */
  calmMs: number;
  cancelEnd: (() => void) | undefined;
}

const remindAfterMs = 600_000;
/** Told apart, at most: what says something else each time is still one trouble. */
const maxForms = 20;
const anyOther = 'any other';
/** A failure that returns sooner than this is the same trouble, not a new one. */
const leastCalmMs = 5_000;

/**
 * Tells a lasting trouble once, again every ten minutes for whoever looks only then, and its end. One that
 * comes and goes is one that lasts: each time that it comes back within ten minutes, its next end waits twice
 * as long.
 */
export class Once {
  readonly #clock: Clock;
  readonly #lasting = new Map<string, Lasting>();
  readonly #ended = new Map<string, { atMs: number; calmMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The trouble under a key came, for this cause. Calls `write` unless the same cause was told within ten
   * minutes; figures, inboxes and the ids in subjects make no other cause.
   */
  tell(key: string, cause: string, write: (facts: OnceFacts) => void): void {
    const trouble = this.#troubleOf(key);
    trouble.cancelEnd?.();
    trouble.cancelEnd = undefined;
    trouble.total++;
    const form = formOf(cause);
    const { forms } = trouble;
    const known = forms.has(form) || forms.size < maxForms ? form : anyOther;
    const nowMs = this.#clock.monotonicMs();
    const before = forms.get(known);
    if (before && nowMs - before.toldMs < remindAfterMs) {
      before.untold++;
      return;
    }
    forms.set(known, { toldMs: nowMs, untold: 0 });
    write(before ? { count: before.untold + 1 } : {});
  }

  /**
   * It works again. Calls `write`, with how often the trouble came, if there was one and it does not come
   * back at once.
   */
  over(key: string, write: (times: number) => void): void {
    const trouble = this.#lasting.get(key);
    if (!trouble) return;
    const { calmMs } = trouble;
    trouble.cancelEnd ??= this.#clock.after(calmMs, () => {
      this.#lasting.delete(key);
      this.#ended.set(key, { atMs: this.#clock.monotonicMs(), calmMs });
      write(trouble.total);
    });
  }

  /** The trouble is over for good, and something else says so. */
  forget(key: string): void {
    this.#lasting.get(key)?.cancelEnd?.();
    this.#lasting.delete(key);
    this.#ended.delete(key);
  }

  #troubleOf(key: string): Lasting {
    const known = this.#lasting.get(key);
    if (known) return known;
    const ended = this.#ended.get(key);
    const isBack = ended !== undefined && this.#clock.monotonicMs() - ended.atMs < remindAfterMs;
    const calmMs = isBack ? Math.min(ended.calmMs * 2, remindAfterMs) : leastCalmMs;
    const trouble: Lasting = { total: 0, forms: new Map(), calmMs, cancelEnd: undefined };
    this.#lasting.set(key, trouble);
    return trouble;
  }
}

/** A cause without what differs from one time to the next. */
function formOf(cause: string): string {
  return cause
    .replace(/_INBOX[^\s"']*/g, '_INBOX')
    .replace(/(["'\s])([a-z][\w-]*\.[\w-]+)\.[^\s"']+/g, '$1$2')
    .replace(/\d+/g, '0');
}
