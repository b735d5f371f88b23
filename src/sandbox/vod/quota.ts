import { vodOperations, type VodOperation, type VodQuotas } from '../control/vod-types.js';

/** "QPS limits on API operations" of VOD. */
const documented: Readonly<VodQuotas> = { DeleteVideo: 30, GetVideoInfo: 100, DeleteMultipartUpload: 10 };
const none: Readonly<VodQuotas> = { DeleteVideo: 0, GetVideoInfo: 0, DeleteMultipartUpload: 0 };

/** How many calls of each operation the account may make: never more than its quota in any second. */
export class VodQuota {
  #quotas: VodQuotas = { ...documented };
  #refused: VodQuotas = { ...none };
  /** When the calls of the last second were let in, the oldest first. */
  readonly #admittedMs = new Map<VodOperation, number[]>();

  /**
   * Changes the quotas that are named.
   * @throws TypeError for an operation that does not exist, or a quota that is no whole number from 0.
   */
  set(quotas: Partial<VodQuotas>): void {
    for (const [operation, quota] of Object.entries(quotas)) {
      if (!vodOperations.some((known) => known === operation)) {
        throw new TypeError(`VOD has no operation ${operation} here`);
      }
      if (!Number.isSafeInteger(quota) || quota < 0) throw new TypeError(`${operation}: not a whole number`);
    }
    this.#quotas = { ...this.#quotas, ...quotas };
  }

  /** Lets a call in at `nowMs` of a clock that does not jump, or refuses and counts it. */
  admit(operation: VodOperation, nowMs: number): boolean {
    const earlier = this.#admittedMs.get(operation) ?? [];
    const lastSecond = earlier.filter((admittedMs) => nowMs - admittedMs < 1000);
    const isAdmitted = lastSecond.length < this.#quotas[operation];
    if (isAdmitted) lastSecond.push(nowMs);
    else this.#refused[operation] += 1;
    this.#admittedMs.set(operation, lastSecond);
    return isAdmitted;
  }

  /** Calls refused so far. */
  refused(): VodQuotas {
    return { ...this.#refused };
  }

  /** Back to the documented quotas, with nothing let in or refused. */
  reset(): void {
    this.#quotas = { ...documented };
    this.#refused = { ...none };
    this.#admittedMs.clear();
  }
}
