import { PublishWindow } from './window.js';

/** Lets so many of one kind of work run at once; the others wait for their turn. */
export class Turns {
  readonly #window: PublishWindow;

  constructor(atOnce: number) {
    this.#window = new PublishWindow(atOnce);
  }

  /** @throws the signal's reason when that is aborted before its turn. */
  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#window.enter(signal);
    try {
      return await work();
    } finally {
      this.#window.leave();
    }
  }
}
