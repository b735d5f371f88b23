/** Orphans are served before verifications, within this process. */
export type PermitPriority = 'orphan' | 'verify';

interface Waiter<T> {
  serve: (served: T) => void;
  reject: (reason: Error) => void;
}

/** Those who wait for a permit: by priority, and in their order within one. */
export class PermitLine<T> {
  readonly #waiting: Record<PermitPriority, Waiter<T>[]> = { orphan: [], verify: [] };

  get length(): number {
    return this.#waiting.orphan.length + this.#waiting.verify.length;
  }

  /** Waits to be served. @throws the signal's reason when that is aborted first. */
  async wait(priority: PermitPriority, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      const line = this.#waiting[priority];
      const leave = (): void => {
        line.splice(line.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      const waiter = {
        serve: (served: T) => {
          signal.removeEventListener('abort', leave);
          resolve(served);
        },
        reject: (reason: Error) => {
          signal.removeEventListener('abort', leave);
          reject(reason);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(waiter);
    });
  }

  /** Serves whoever is next. @returns false when nobody waits. */
  serve(served: T): boolean {
    const next = this.#next();
    next?.serve(served);
    return next !== undefined;
  }

  /** Sends everyone away. */
  close(reason: Error): void {
    for (let next = this.#next(); next; next = this.#next()) next.reject(reason);
  }

  #next(): Waiter<T> | undefined {
    return this.#waiting.orphan.shift() ?? this.#waiting.verify.shift();
  }
}
