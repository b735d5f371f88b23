/** How long the gateway remembers a nonce, by the word of its support. */
const rememberedMs = 31 * 60 * 1000;

/** The nonces used of late. */
export class VodNonces {
  readonly #usedMs = new Map<string, number>();

  /** Remembers a nonce. @returns false for one that was used already. */
  use(nonce: string, nowMs: number): boolean {
    for (const [oldest, usedMs] of this.#usedMs) {
      if (nowMs - usedMs <= rememberedMs) break;
      this.#usedMs.delete(oldest);
    }
    if (this.#usedMs.has(nonce)) return false;
    this.#usedMs.set(nonce, nowMs);
    return true;
  }

  clear(): void {
    this.#usedMs.clear();
  }
}
