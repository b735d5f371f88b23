import { backOffMs, sleep, type Clock } from '../time.js';
import { MnsError } from './mns-error.js';
import type { Queue } from './queue.js';

/**
 * One message to delete. Both functions are asked anew before each try, since a lease can be lost meanwhile.
 */
export interface AckRequest {
  receiptHandle: () => string;
  isAlive: () => boolean;
}

export interface AckBatchOptions {
  queue: Pick<Queue, 'delete'>;
  /** Messages a call, at most 16. */
  size: number;
  /** How long the first of a batch waits for the others. */
  lingerMs: number;
  clock: Clock;
  /** Told of each call that failed and is made again. */
  onFailure: (error: unknown, messages: number) => void;
}

interface Entry extends AckRequest {
  /** A try whose answer was lost: MNS may have deleted the message already. */
  inDoubt: boolean;
  resolve(deleted: boolean): void;
}

const backOff = { baseMs: 100, maxMs: 5_000 };

/** Deletes messages in batches, and tries again, entry by entry, for as long as their leases live. */
export class AckBatch {
  readonly #options: AckBatchOptions;
  #waiting: Entry[] = [];
  #cancelLinger: (() => void) | undefined;

  constructor(options: AckBatchOptions) {
    this.#options = options;
  }

  /** @returns whether the message is deleted; false when its lease ended first. Never rejects. */
  delete(request: AckRequest): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push({
        receiptHandle: () => request.receiptHandle(),
        isAlive: () => request.isAlive(),
        inDoubt: false,
        resolve,
      });
      if (this.#waiting.length >= this.#options.size) this.flush();
      else {
        this.#cancelLinger ??= this.#options.clock.after(this.#options.lingerMs, () => {
          this.flush();
        });
      }
    });
  }

  /** Sends what waits, at once. */
  flush(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) void this.#deleteAll(batch);
  }

  async #deleteAll(batch: Entry[]): Promise<void> {
    const { queue, clock, onFailure } = this.#options;
    for (let failures = 1, rest = batch; rest.length > 0; failures++) {
      const alive = rest.filter((entry) => {
        const isAlive = entry.isAlive();
        if (!isAlive) entry.resolve(false);
        return isAlive;
      });
      if (alive.length === 0) return;
      try {
        const failed = await queue.delete(alive.map((entry) => entry.receiptHandle()));
        rest = alive.filter((entry) => this.#judge(entry, failed.get(entry.receiptHandle())) === 'again');
      } catch (error) {
        onFailure(error, alive.length);
        rest = alive;
        if (!(error instanceof MnsError && error.hadNoEffect)) for (const entry of rest) entry.inDoubt = true;
      }
      if (rest.length > 0) await sleep(clock, backOffMs(backOff, failures));
    }
  }

  #judge(entry: Entry, failure: 'handle-gone' | 'try-again' | undefined): 'done' | 'again' {
    if (failure === 'try-again') return 'again';
    // A handle that is gone while its lease lives was deleted by a try of ours whose answer did not arrive.
    entry.resolve(failure === undefined || (entry.inDoubt && entry.isAlive()));
    return 'done';
  }
}
