import { writeCheckpoint, type Checkpoint } from './checkpoint.js';
import { addCounts, countItem, noCounts, selectedOf, type Counts } from './counts.js';
import type { Fate, ReplayItem, ReplaySource, SettledItem, SourceState } from './item.js';
import type { ReplayOptions } from './options.js';

type ProgressOptions = Pick<
  ReplayOptions,
  'id' | 'plan' | 'dryRun' | 'prefix' | 'publisher' | 'resumed' | 'leadsToCall' | 'onProgress' | 'abandon'
>;

/** How far a replay is, here and in its checkpoint. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #sources: Record<string, SourceState>;
  /** Of items that a resumed replay does not see again: these are what the checkpoint has. */
  #lasting: Counts;
  /** Of items of the current source that it would see again. */
  #passing = noCounts;
  #total: number;
  #inDoubt = 0;
  #source: ReplaySource | undefined;
  /** Settled and not yet finished. */
  #unfinished: readonly string[] = [];

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#sources = { ...options.resumed?.sources };
    this.#lasting = options.resumed?.counts ?? noCounts;
    this.#total = this.#lasting.seen;
  }

  get counts(): Counts {
    return addCounts(this.#lasting, this.#passing);
  }

  get selected(): number {
    return selectedOf(this.counts);
  }

  /** Items whose publish was given up. */
  get inDoubt(): number {
    return this.#inDoubt;
  }

  isDone({ name }: ReplaySource): boolean {
    return this.#sources[name]?.done === true;
  }

  /** Begins a source, or goes on with it. From here on it is what `save` speaks of. */
  async open(source: ReplaySource, signal: AbortSignal): Promise<void> {
    const { size, state } = await source.open(this.#sources[source.name], signal);
    this.#source = source;
    this.#sources[source.name] = state;
    this.#total += size;
    await this.save('running');
  }

  /** The source is worked through: a resumed replay does not begin it again. */
  async close(): Promise<void> {
    if (!this.#source) return;
    this.#lasting = this.counts;
    this.#passing = noCounts;
    const { name } = this.#source;
    this.#sources[name] = { ...this.#stateOf(this.#source), done: true };
    this.#source = undefined;
    await this.save('running');
  }

  /**
   * Carries the items of a batch to their fates, side by side, and counts them.
   * @returns the items; none when the replay is abandoned meanwhile.
   * @throws the first error of `settle`.
   */
  async settle(
    items: readonly ReplayItem[],
    settle: (item: ReplayItem) => Promise<Fate>,
  ): Promise<readonly SettledItem[]> {
    const { abandon, leadsToCall, onProgress } = this.#options;
    const source = this.#source;
    let batch = noCounts;
    let lasting = noCounts;
    const settling = items.map(async (item): Promise<SettledItem> => {
      const fate = await settle(item);
      const calls = fate === 'published' && leadsToCall(item.content);
      batch = countItem(batch, fate, calls);
      if (source?.isLasting(fate)) lasting = countItem(lasting, fate, calls);
      onProgress(addCounts(this.counts, batch), Math.max(this.#total, this.counts.seen + batch.seen));
      return { item, fate };
    });
    const results = await Promise.allSettled(settling);
    const failed = results.find((result) => result.status === 'rejected');
    if (abandon.aborted) {
      this.#inDoubt = results.filter(({ status }) => status === 'rejected').length;
      this.#passing = addCounts(this.#passing, batch);
      return [];
    }
    if (failed) throw failed.reason;
    const settled = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    this.#add(settled, batch, lasting);
    return settled;
  }

  /** Writes the checkpoint, except for a dry run. */
  async save(state: Checkpoint['state']): Promise<void> {
    const { id, plan, dryRun, prefix, publisher, abandon } = this.#options;
    if (dryRun) return;
    if (this.#source) this.#sources[this.#source.name] = this.#stateOf(this.#source);
    const checkpoint = { id, plan, state, counts: this.#lasting, sources: this.#sources };
    await writeCheckpoint(publisher, prefix, checkpoint, abandon);
  }

  #add(settled: readonly SettledItem[], batch: Counts, lasting: Counts): void {
    const source = this.#source;
    if (!source) return;
    this.#lasting = addCounts(this.#lasting, lasting);
    this.#passing = addCounts(this.#passing, subtract(batch, lasting));
    this.#unfinished = settled
      .filter(({ fate }) => source.isLasting(fate) && fate !== 'filteredOut')
      .map(({ item }) => item.key);
    const seq = settled.at(-1)?.item.seq;
    const state = this.#sources[source.name];
    if (seq !== undefined && state) this.#sources[source.name] = { ...state, nextSeq: seq + 1 };
  }

  #stateOf(source: ReplaySource): SourceState {
    const unfinished = [...new Set([...source.unfinished(), ...this.#unfinished])];
    return { done: false, ...this.#sources[source.name], unfinished };
  }
}

function subtract(a: Counts, b: Counts): Counts {
  const difference = { ...a };
  for (const name of Object.keys(difference) as (keyof Counts)[]) difference[name] -= b[name];
  return difference;
}
