/** Why events cannot be stored at the moment, in words for the operator. */
export type ClosedReason = string;

/** Open while NATS stores what is published. Receivers wait at it, so that nothing is received that cannot be stored. */
export class StoreGate {
  readonly #onClose: (() => void)[] = [];
  readonly #onChange: (reason: ClosedReason | undefined) => void;
  #waiting = new Set<() => void>();
  #reason: ClosedReason | undefined;

  /** `onChange` is told the reason when the gate closes, and undefined when it opens. */
  constructor(onChange: (reason: ClosedReason | undefined) => void) {
    this.#onChange = onChange;
  }

  get isOpen(): boolean {
    return this.#reason === undefined;
  }

  open(): void {
    if (this.isOpen) return;
    this.#reason = undefined;
    this.#onChange(undefined);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  close(reason: ClosedReason): void {
    if (!this.isOpen) return;
    this.#reason = reason;
    this.#onChange(reason);
    for (const listener of this.#onClose) listener();
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** Resolves when the gate is open or the signal is aborted. */
  async whenOpen(signal: AbortSignal): Promise<void> {
    if (this.isOpen || signal.aborted) return;
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
