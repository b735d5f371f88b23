import { MnsError, ownCodes } from '../../../src/receive/mns-error.js';
import type { Delivery, DeleteFailure } from '../../../src/receive/queue.js';
import type { Clock } from '../../../src/time.js';

interface Stored {
  messageId: string;
  handle: string;
  visibleAtMs: number;
}

/**
 * The fate of a call: it fails without effect, takes effect and its answer is lost, or waits for the test.
 */
export type Trouble = { fails: Error } | { losesAnswer: Error } | { waitsFor: Promise<void> };

/**
 * A queue in memory with the rules of MNS: a handle for each delivery and renewal, of which the newest is
 * valid.
 */
export class MemoryQueue {
  readonly name = 'orders';
  /** Strikes the next calls, one each. */
  readonly troubles: Trouble[] = [];
  /** The calls made, by name. */
  readonly calls: string[] = [];
  readonly #clock: Clock;
  readonly #messages = new Map<string, Stored>();
  #serial = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get left(): number {
    return this.#messages.size;
  }

  /** A message that was just handed out, hidden for `visibilityMs`. */
  deliver(visibilityMs: number): Delivery {
    const stored = { messageId: `M${++this.#serial}`, handle: '', visibleAtMs: 0 };
    this.#messages.set(stored.messageId, stored);
    this.#hide(stored, visibilityMs);
    return this.#delivery(stored, visibilityMs);
  }

  /** The messages another receiver would get now, handed out to it. */
  receiveVisible(visibilityMs: number): string[] {
    const visible = [...this.#messages.values()].filter(
      ({ visibleAtMs }) => visibleAtMs <= this.#clock.monotonicMs(),
    );
    for (const stored of visible) this.#hide(stored, visibilityMs);
    return visible.map(({ messageId }) => messageId);
  }

  async changeVisibility(handle: string, seconds: number): Promise<string> {
    return await this.#call('changeVisibility', () => {
      const stored = this.#find(handle);
      if (stored === undefined) throw failure('MessageNotExist', 404);
      this.#hide(stored, seconds * 1000);
      return stored.handle;
    });
  }

  async delete(handles: readonly string[]): Promise<Map<string, DeleteFailure>> {
    return await this.#call(`delete ${handles.length}`, () => {
      const failures = new Map<string, DeleteFailure>();
      for (const handle of handles) {
        const stored = this.#find(handle);
        if (stored === undefined) failures.set(handle, 'handle-gone');
        else this.#messages.delete(stored.messageId);
      }
      return failures;
    });
  }

  async #call<T>(name: string, effect: () => T): Promise<T> {
    this.calls.push(name);
    const trouble = this.troubles.shift();
    if (trouble === undefined) return effect();
    if ('fails' in trouble) throw trouble.fails;
    if ('waitsFor' in trouble) {
      await trouble.waitsFor;
      return effect();
    }
    effect();
    throw trouble.losesAnswer;
  }

  #find(handle: string): Stored | undefined {
    return [...this.#messages.values()].find(
      (stored) => stored.handle === handle && stored.visibleAtMs > this.#clock.monotonicMs(),
    );
  }

  #hide(stored: Stored, visibilityMs: number): void {
    stored.handle = `handle-${++this.#serial}`;
    stored.visibleAtMs = this.#clock.monotonicMs() + visibilityMs;
  }

  #delivery({ messageId, handle }: Stored, visibilityMs: number): Delivery {
    return {
      message: { messageId, body: '{}', damaged: false, attempt: 1, enqueuedAtMs: 0, properties: {} },
      receiptHandle: handle,
      receivedAtMs: this.#clock.monotonicMs(),
      visibilityMs,
    };
  }
}

/** An error as the client gives it; without a status, no answer came. */
export function failure(code: string = ownCodes.connectionFailed, status?: number): MnsError {
  const call = { operation: 'Test', queue: 'orders', message: 'in a test' };
  return new MnsError({ ...call, code, ...(status !== undefined && { status }) });
}

/** Lets everything happen that needs no clock. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise that the test resolves. */
export function held(): { promise: Promise<void>; release: () => void } {
  let release = (): void => undefined;
  const promise = new Promise<void>((resolve) => (release = resolve));
  return { promise, release };
}
