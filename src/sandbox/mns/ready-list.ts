import { wholeNumber, type Random } from '../random.js';
import type { Message } from './message.js';

const priorities = 16;
const shuffleWindow = 64;
const compactAfter = 1024;

interface Line {
  entries: (Message | undefined)[];
  head: number;
}

/**
 * Messages that may be handed out, highest priority (1) first. Within a priority the order is first in, first
 * out, or random within a small window when a `shuffle` source is given: MNS promises no order. An entry is a
 * hint: a message may have left the active state since, so the taker checks it.
 */
export class ReadyList {
  readonly #lines: Line[] = Array.from({ length: priorities }, () => ({ entries: [], head: 0 }));
  readonly #shuffle: Random | undefined;

  constructor(shuffle?: Random) {
    this.#shuffle = shuffle;
  }

  add(message: Message): void {
    this.#lines[message.draft.priority - 1]?.entries.push(message);
  }

  /** Takes out the next entry that is still active. */
  take(): Message | undefined {
    for (const line of this.#lines) {
      for (;;) {
        const message = this.#next(line);
        if (message === undefined) break;
        if (message.state === 'active') return message;
      }
    }
    return undefined;
  }

  /** Up to `limit` active messages, left in place. */
  peek(limit: number): Message[] {
    const found = new Set<Message>();
    for (const line of this.#lines) {
      for (let index = line.head; index < line.entries.length && found.size < limit; index += 1) {
        const message = line.entries[index];
        if (message?.state === 'active') found.add(message);
      }
    }
    return [...found];
  }

  #next(line: Line): Message | undefined {
    const { entries, head } = line;
    if (head >= entries.length) return undefined;
    if (this.#shuffle !== undefined) {
      const chosen = wholeNumber(this.#shuffle, head, Math.min(head + shuffleWindow, entries.length) - 1);
      [entries[head], entries[chosen]] = [entries[chosen], entries[head]];
    }
    const message = entries[head];
    entries[head] = undefined;
    line.head += 1;
    if (line.head === entries.length || (line.head > compactAfter && line.head * 2 > entries.length)) {
      entries.splice(0, line.head);
      line.head = 0;
    }
    return message;
  }
}
