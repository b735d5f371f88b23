/**
 * Counts the messages in flight and makes receivers wait for room: no more is received than can be started.
 */
export class Slots {
  readonly #capacity: number;
  readonly #waiting: { signal: AbortSignal; wake: () => void }[] = [];
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes up to `max` slots, waiting until there is one. @returns how many; 0 only when the signal is
   * aborted.
   */
  async take(max: number, signal: AbortSignal): Promise<number> {
    while (!signal.aborted) {
      const granted = Math.min(max, this.#capacity - this.#taken);
      if (granted > 0) {
        this.#taken += granted;
        if (this.#taken < this.#capacity) this.#waiting.shift()?.wake();
        return granted;
      }
      await this.#room(signal);
    }
    return 0;
  }

  give(count: number): void {
    if (count === 0) return;
    this.#taken -= count;
    this.#waiting.shift()?.wake();
  }

  async #room(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const waiter = {
        signal,
        wake: (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }
}
