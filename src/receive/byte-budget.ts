/** Room that a poll has taken for what it may bring. */
export interface Reservation {
  /** As many messages as the room is for, at least 1; 0 only when the signal was aborted. */
  readonly messages: number;
  /** Keeps no more than this of the room: the poll asks for less. */
  shrink(bytes: number): void;
  /** Waits until there is room to read an answer of this size, or the signal is aborted. */
  readonly read: (answerBytes: number, signal: AbortSignal) => Promise<void>;
  /** From here on the messages of the poll take this much; `give` gives it back. */
  settle(bytes: number): void;
}

/**
 * A poll takes no more than this part of what is free, beyond one message: many idle polls leave room for
 * each other.
 */
const shareOfFree = 1 / 32;

/**
 * Bounds the bytes in flight, over all queues together. Polls reserve before they ask, by what a queue has
 * delivered. What comes may be more, in many queues at once: an answer is read only when there is room for
 * it.
 */
export class ByteBudget {
  readonly #capacity: number;
  readonly #waiting = new Set<() => void>();
  /** Answers that wait to be read, first come, first served. */
  readonly #answers: (() => void)[] = [];
  /** Reserved or here. */
  #taken = 0;
  /** Of this, what is being read or was received: what polls have reserved holds up no answer. */
  #here = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Waits until there is room for one message of `eachBytes`, or the signal is aborted. */
  async reserve(max: number, eachBytes: number, signal: AbortSignal): Promise<Reservation> {
    // A message that alone is more than all there is room for must come one day, too.
    while (!signal.aborted && max > 0 && this.#taken > 0 && this.#taken + eachBytes > this.#capacity) {
      await this.#room(signal);
    }
    if (signal.aborted || max <= 0) return this.#reservation(0, 0);
    const share = ((this.#capacity - this.#taken) * shareOfFree) / eachBytes;
    const messages = Math.max(1, Math.min(max, Math.floor(share)));
    return this.#reservation(messages, messages * eachBytes);
  }

  /** Of what was settled, this much is gone. */
  give(bytes: number): void {
    this.#change(-bytes, -bytes);
  }

  #reservation(messages: number, bytes: number): Reservation {
    let [held, here] = [0, 0];
    const hold = (nextHeld: number, nextHere: number): void => {
      this.#change(nextHeld - held, nextHere - here);
      [held, here] = [nextHeld, nextHere];
    };
    hold(bytes, 0);
    return {
      messages,
      shrink: (least) => {
        hold(Math.min(held, least), 0);
      },
      read: async (answerBytes, signal) => {
        const needed = copies * answerBytes;
        await this.#turnToRead(needed, signal, () => {
          hold(Math.max(held, needed), needed);
        });
      },
      settle: (settled) => {
        hold(settled, settled);
      },
    };
  }

  #change(taken: number, here: number): void {
    this.#taken += taken;
    this.#here += here;
    if (here < 0) this.#answers[0]?.();
    // Each looks again: there may be room for a small one behind a large one.
    if (taken < 0) for (const wake of [...this.#waiting]) wake();
  }

  /** Calls `take` when it is the first in line and there is room, or nothing else is here. */
  async #turnToRead(bytes: number, signal: AbortSignal, take: () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        const fits = this.#here === 0 || this.#here + bytes <= this.#capacity;
        const isTurn = this.#answers[0] === look && fits && !signal.aborted;
        if (!isTurn && !signal.aborted) return;
        signal.removeEventListener('abort', look);
        this.#answers.splice(this.#answers.indexOf(look), 1);
        if (isTurn) take();
        resolve();
        this.#answers[0]?.();
      };
      signal.addEventListener('abort', look, { once: true });
      this.#answers.push(look);
      look();
    });
  }

  async #room(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.add(wake);
    });
  }
}

/**
 * The bytes of bodies that a process with this limit of its heap may hold: each is there twice, and on its
 * way once.
 */
export function bytesInFlight(heapLimitBytes: number): number {
  return Math.round(heapLimitBytes / 5);
}

/** The memory of a message besides its body: its lease, its timers, its headers. */
const aroundBytes = 4_096;
/** As received, and as published. */
const copies = 2;

/** The share of a message with a body of this size. */
export function messageBytes(bodyBytes: number): number {
  return copies * bodyBytes + aroundBytes;
}

const leastBodyBytes = 1_024;

/** How large the messages of one queue are: the largest seen, which is forgotten by and by. */
export class BodySizes {
  #bytes = leastBodyBytes;

  get expected(): number {
    return messageBytes(this.#bytes);
  }

  /** A poll brought bodies of these sizes. */
  seen(sizes: readonly number[]): void {
    this.#bytes = Math.max(leastBodyBytes, this.#bytes * (sizes.length === 0 ? 0.5 : 0.9), ...sizes);
  }
}
