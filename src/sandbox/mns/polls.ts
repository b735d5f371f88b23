import type { Clock } from '../../time.js';
import type { Message } from './message.js';

/** Called exactly once unless the poll is cancelled, with no messages when the wait is over. */
export type PollEnd = (messages: Message[]) => void;

interface Poll {
  readonly limit: number;
  readonly end: PollEnd;
  readonly cancelTimer: () => void;
}

/** The requests that wait for messages of one queue, served in the order they came. */
export class OpenPolls {
  readonly #clock: Clock;
  readonly #polls = new Set<Poll>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#polls.size;
  }

  /** Opens a poll. The returned function takes it back without an answer. */
  open(limit: number, waitMs: number, end: PollEnd): () => void {
    const cancelTimer = this.#clock.after(waitMs, () => {
      if (this.#polls.delete(poll)) end([]);
    });
    const poll: Poll = { limit, end, cancelTimer };
    this.#polls.add(poll);
    return () => {
      this.#close(poll);
    };
  }

  /** Serves polls from `take` until it has nothing more for the next one. */
  serve(take: (limit: number) => Message[]): void {
    for (const poll of this.#polls) {
      const messages = take(poll.limit);
      if (messages.length === 0) return;
      this.#close(poll);
      poll.end(messages);
    }
  }

  /** Ends all polls with nothing. */
  endAll(): void {
    for (const poll of this.#polls) {
      this.#close(poll);
      poll.end([]);
    }
  }

  #close(poll: Poll): void {
    poll.cancelTimer();
    this.#polls.delete(poll);
  }
}
