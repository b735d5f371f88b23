/** Why events cannot be stored at the moment, in words for the operator. */
export type ClosedReason = string;

/** Leave to receive. */
export interface Admission {
  /** How many messages; 0 only when the signal was aborted. */
  readonly limit: number;
  /**
   * Nothing was stored since the gate closed: do not wait long for the one message, another queue may have
   * it.
   */
  readonly isProbe: boolean;
  /** To be called once it is known how many came. */
  done(received: number): void;
}

/** With this many stored in a row it is wide open. */
const wideAfter = 256;

/**
 * Open while the stream of events stores. Receivers ask it for leave, so that nothing is received that cannot
 * be stored. After it was closed it lets one message through, then two for each that is stored, until it is
 * wide open.
 */
export class StoreGate {
  readonly #onClose: (() => void)[] = [];
  readonly #onChange: (reason: ClosedReason | undefined) => void;
  #waiting = new Set<() => void>();
  #reason: ClosedReason | undefined;
  #isLocked = false;
  /** How many messages may still be received. */
  #credit = Infinity;
  /** Leave that was taken since it closed, and whose messages have not come yet. */
  #underWay = 0;
  #stored = 0;
  /** Changes when it closes: what was admitted before gives nothing back. */
  #closures = 0;

  /**
   * `onChange` is told the reason when the gate closes or stays closed for another one, and undefined when it
   * opens.
   */
  constructor(onChange: (reason: ClosedReason | undefined) => void) {
    this.#onChange = onChange;
  }

  /** Only another server can open it. */
  get isLocked(): boolean {
    return this.#isLocked;
  }

  get isOpen(): boolean {
    return this.#reason === undefined;
  }

  /** Something was stored. */
  stored(): void {
    if (this.#credit === Infinity || this.#isLocked) return;
    if (this.#reason !== undefined) {
      this.#reason = undefined;
      this.#stored = 0;
      this.#onChange(undefined);
    }
    this.#grant(++this.#stored >= wideAfter ? Infinity : this.#credit + 2);
  }

  /** Opens it wide. */
  open(): void {
    if (this.#isLocked) return;
    if (this.#reason !== undefined) {
      this.#reason = undefined;
      this.#onChange(undefined);
    }
    this.#grant(Infinity);
  }

  /** Lets a few messages through while it is closed, unless leave for those before is not taken yet. */
  probe(messages: number): void {
    if (!this.isOpen && !this.#isLocked && this.#credit === 0) this.#grant(messages);
  }

  /** All leave is taken, and what was received on it has come. */
  get isIdle(): boolean {
    return this.#credit === 0 && this.#underWay === 0;
  }

  /** Lets these many through before the first is stored. */
  narrow(messages: number): void {
    if (this.isOpen) this.#credit = messages;
  }

  close(reason: ClosedReason): void {
    if (this.#isLocked || this.#reason === reason) return;
    const wasOpen = this.isOpen;
    this.#reason = reason;
    this.#credit = 0;
    this.#underWay = 0;
    this.#closures++;
    this.#onChange(reason);
    if (wasOpen) for (const listener of this.#onClose) listener();
  }

  /** Closes it for a reason that no answer of the stream changes. */
  lock(reason: ClosedReason): void {
    this.#isLocked = false;
    this.close(reason);
    this.#isLocked = true;
  }

  unlock(): void {
    this.#isLocked = false;
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** Waits for leave to receive up to `max` messages, or until the signal is aborted. */
  async admit(max: number, signal: AbortSignal): Promise<Admission> {
    while (this.#credit === 0 && !signal.aborted) await this.#change(signal);
    if (signal.aborted) return { limit: 0, isProbe: false, done: () => undefined };
    const limit = Math.min(max, this.#credit);
    this.#credit -= limit;
    this.#underWay++;
    const closures = this.#closures;
    return {
      limit,
      isProbe: !this.isOpen,
      done: (received) => {
        if (closures !== this.#closures) return;
        this.#underWay--;
        if (received < limit) this.#grant(this.#credit + limit - received);
      },
    };
  }

  #grant(credit: number): void {
    this.#credit = credit;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  async #change(signal: AbortSignal): Promise<void> {
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
