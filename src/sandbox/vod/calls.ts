import type { RequestCounts } from '../control/request-counts.js';
import type { VodCall, VodOperation } from '../control/vod-types.js';

/**
 * Every call counted, and each DeleteMultipartUpload recorded; the oldest records are forgotten beyond
 * `limit`.
 */
export class VodCalls {
  readonly #limit: number;
  readonly #records = new Set<VodCall>();
  #counts: RequestCounts = {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  count(operation: VodOperation | undefined, result: string): void {
    const byResult = (this.#counts[operation ?? 'Unknown'] ??= {});
    byResult[result] = (byResult[result] ?? 0) + 1;
  }

  record(call: VodCall): void {
    this.#records.add(call);
    if (this.#records.size <= this.#limit) return;
    for (const oldest of this.#records) {
      this.#records.delete(oldest);
      return;
    }
  }

  counts(): RequestCounts {
    return structuredClone(this.#counts);
  }

  /** The recorded calls in order, of one media or of all. */
  list(mediaId?: string): VodCall[] {
    const all = [...this.#records];
    return mediaId === undefined ? all : all.filter((call) => call.mediaId === mediaId);
  }

  clear(): void {
    this.#records.clear();
    this.#counts = {};
  }
}
