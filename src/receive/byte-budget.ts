/** Room that a poll has taken for what it may bring. */
export interface Reservation {
  /** As many messages as the room is for, at least 1; 0 only when the signal was aborted. */
  readonly messages: number;
  /** Gives back what none of these bytes need, or takes what they need more. */
  settle(bytes: number): void;
}

/** A poll takes no more than this part of what is free, beyond one message: many idle polls leave room for each other. */
const shareOfFree = 1 / 32;

/**
 * Bounds the bytes in flight, over all queues together. Polls reserve before they ask, by what a queue has delivered; what
 * came is accounted as it is, even beyond the bound.
 */
export class ByteBudget {
  readonly #capacity: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

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
    if (signal.aborted || max <= 0) return { messages: 0, settle: () => undefined };
    const share = ((this.#capacity - this.#taken) * shareOfFree) / eachBytes;
    const messages = Math.max(1, Math.min(max, Math.floor(share)));
    let held = messages * eachBytes;
    this.#taken += held;
    return {
      messages,
      settle: (bytes) => {
        const less = held - bytes;
        held = bytes;
        this.give(less);
      },
    };
  }

  give(bytes: number): void {
    this.#taken -= bytes;
    if (bytes <= 0) return;
    // Each looks again: there may be room for a small one behind a large one.
    for (const wake of [...this.#waiting]) wake();
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

/** The bytes of bodies that a process with this limit of its heap may hold: each is there twice, and on its way once. */
export function bytesInFlight(heapLimitBytes: number): number {
  return Math.round(heapLimitBytes / 5);
}

/** What a message takes besides its body: its lease, its timers, its headers. */
const aroundBytes = 4_096;
/** As received, and as published. */
const copies = 2;

/** What a message with a body of this size counts for. */
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
