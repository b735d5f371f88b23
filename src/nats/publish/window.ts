/**
 * Bounds how many publishes wait for their PubAck at once. Whoever finds it full waits, first come, first
 * served.
 */
export class PublishWindow {
  readonly #size: number;
  readonly #line: (() => void)[] = [];
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Takes a place, waiting for one; each needs one `leave`. The signal may be aborted by the time the caller
   * goes on.
   * @throws the signal's reason when that is aborted before there is a place.
   */
  async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#size) {
      this.#taken++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#line.splice(this.#line.indexOf(enter), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#line.push(enter);
    });
  }

  /** Gives the place to the first in line. */
  leave(): void {
    const enter = this.#line.shift();
    if (enter) enter();
    else this.#taken--;
  }
}
