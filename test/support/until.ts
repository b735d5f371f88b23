import { setTimeout as wait } from 'node:timers/promises';

export interface UntilOptions {
  /** The awaited condition, to complete the sentence "timed out waiting until …". */
  what: string;
  /** Default 60 s. A bound for a broken program, not a measurement: generous is right. */
  timeoutMs?: number;
  /** Default 20 ms between two looks. */
  everyMs?: number;
}

/**
 * Waits until `probe` gives something truthy, and resolves with it: the way for a test to wait, in place of a
 * fixed sleep. A probe that throws counts as "not yet"; its last error is the cause of the failure.
 */
export async function until<T>(
  probe: () => T | Promise<T>,
  { what, timeoutMs = 60_000, everyMs = 20 }: UntilOptions,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    let lastError: unknown;
    try {
      const result = await probe();
      if (result) return result as Exclude<T, false | null | undefined | 0 | ''>;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`timed out after ${timeoutMs} ms waiting until ${what}`, { cause: lastError });
    }
    await wait(everyMs);
  }
}
