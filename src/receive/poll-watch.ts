import type { Clock } from '../time.js';

/**
 * The poll did not return although every limit on its way is over: what waits for it is stuck in this
 * process.
 */
export class PollOverdueError extends Error {
  override readonly name = 'PollOverdueError';
  readonly code = 'PollOverdue';
  readonly advice = 'it is replaced by another; if that lasts, /livez turns false and a restart follows';

  constructor(afterMs: number) {
    super(`a poll has not returned within ${afterMs} ms`);
  }
}

/**
 * More than connecting (10 s), the begin of the answer (10 s) and its body (15 s) may take on top of the
 * wait.
 */
const overdueAfterMs = 45_000;
/** And the longest back-off between two polls. */
const pauseMs = 30_000;

/**
 * Sees to it that polls go on: gives up on one that is overdue, and knows when none has returned for too
 * long.
 */
export class PollWatch {
  readonly #clock: Clock;
  readonly #overdueMs: number;
  #progressMs: number;

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#overdueMs = waitMs + overdueAfterMs;
    this.#progressMs = clock.monotonicMs();
  }

  /** A poll can be made again after a time in which none could. */
  resume(): void {
    this.#progressMs = this.#clock.monotonicMs();
  }

  /**
   * Settles as the poll does.
   * @throws PollOverdueError when the poll is overdue: it is aborted, and whatever still comes of it is
   * dropped.
   */
  async over<T>(poll: Promise<T>, abort: () => void): Promise<T> {
    let cancel = (): void => undefined;
    let isOverdue = false;
    const overdue = new Promise<never>((_resolve, reject) => {
      cancel = this.#clock.after(this.#overdueMs, () => {
        isOverdue = true;
        reject(new PollOverdueError(this.#overdueMs));
        abort();
      });
    });
    const returned = poll.finally(() => {
      cancel();
      // A poll that only the abort brought back is no progress.
      if (!isOverdue) this.resume();
    });
    return await Promise.race([returned, overdue]);
  }

  /**
   * No poll has returned for so long that a second one was overdue as well. Says nothing about times without
   * polls.
   */
  get isStuck(): boolean {
    return this.#clock.monotonicMs() - this.#progressMs > 2 * this.#overdueMs + pauseMs;
  }
}
