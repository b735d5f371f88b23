import { fstatSync, writeSync } from 'node:fs';
import { sleep, type Clock } from '../time.js';

/** The reports about lines that cannot be written. */
export interface LineOutputEvents {
  /** Writing fails with this code; what is kept so far is tried again. */
  failed(code: string): void;
  /** A line is dropped, because more than a mebibyte waits. */
  lost(code: string): void;
  /** All is written. */
  written(): void;
}

const maxWaitingBytes = 1 << 20;
const retryMs = 250;
const lastRetryMs = 20;
/** The reader is slow: that is no failure before a line is lost. */
const isSlow = (code: string): boolean => code === 'EAGAIN';

/**
 * Standard output or standard error for lines, in their order. A line is written at once, so that the last
 * one of a crash is there too. What cannot be written (a full disk, a reader that is gone or does not read)
 * waits in memory, up to a mebibyte; no write throws, and none holds the process up.
 */
export class LineOutput {
  readonly #fd: 1 | 2;
  readonly #clock: Clock;
  readonly #events: LineOutputEvents;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #code = '';
  #cancelRetry: (() => void) | undefined;

  constructor(fd: 1 | 2, clock: Clock, events: LineOutputEvents) {
    this.#fd = fd;
    this.#clock = clock;
    this.#events = events;
    const stat = fstatSync(fd);
    // Node.js makes a pipe or a socket non-blocking when its stream is asked for.
    if (stat.isFIFO() || stat.isSocket()) Reflect.get(process, fd === 1 ? 'stdout' : 'stderr');
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    const isFull = (): boolean =>
      this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > maxWaitingBytes;
    if (isFull() && !this.#flush() && isFull()) {
      this.#events.lost(this.#code);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#flush();
  }

  /** Waits for a slow reader, this long at most. Call it after the last line. */
  async end(withinMs: number): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + withinMs;
    while (!this.#flush() && isSlow(this.#code) && this.#clock.monotonicMs() < untilMs) {
      await sleep(this.#clock, lastRetryMs);
    }
  }

  /** @returns whether all is written. */
  #flush(): boolean {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    try {
      for (let [first] = this.#waiting; first; [first] = this.#waiting) {
        const written = writeSync(this.#fd, first);
        this.#waitingBytes -= written;
        // The rest of a line that was begun goes first, whatever happens in between.
        if (written < first.length) this.#waiting[0] = first.subarray(written);
        else this.#waiting.shift();
      }
    } catch (error) {
      this.#code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      this.#cancelRetry = this.#clock.after(retryMs, () => this.#flush());
      if (!isSlow(this.#code)) this.#events.failed(this.#code);
      return false;
    }
    this.#events.written();
    return true;
  }
}
