import { setMaxListeners } from 'node:events';
import { PublishRejectedError } from '../nats/publish/not-stored.js';
import { storedBy, StreamLookup, type StoredBy } from '../nats/streams/lookup.js';
import type { Counts } from './counts.js';
import type { Fate, Remainder, ReplayItem, ReplaySource } from './item.js';
import { publicationOf } from './outgoing.js';
import { Pace } from './pace.js';
import type { ReplayOptions } from './options.js';
import { Progress } from './progress.js';
import { selects } from './selection.js';

export interface ReplayResult extends Remainder {
  readonly end: 'finished' | 'stopped' | 'abandoned';
  readonly counts: Counts;
  /** Sent, perhaps, and not known to be stored. */
  readonly inDoubt: number;
}

/** A batch is about a second's work, and no more than this: so much is done again after a crash. */
const maxBatch = 500;

/**
 * The path of one message, from its source to its fate:
 *
 *     read and decode → select → pace → ask the stream → publish → PubAck → checkpoint → finish
 *
 * The source reads and decodes, and finishes its items last.
 *
 * A crash at any point repeats nothing and skips nothing: what is published bears the mark of its replay and
 * item, by which the resumed replay knows its own; what is in the checkpoint and not finished is finished
 * when it is resumed.
 * @throws Error when a source or NATS cannot be used; the checkpoint then says where to go on.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { id, plan, dryRun, sources, publisher, reader, clock, stop, abandon } = options;
  // A batch is published side by side, and each publish listens.
  setMaxListeners(0, abandon);
  const pace = new Pace(plan.rate, clock);
  /** By stream. */
  const lookups = new Map<string, StreamLookup>();
  const progress = new Progress(options);
  /** Of a dry run: what it would have published. Copied text; a slice would keep the whole digest alive. */
  const planned = new Set<string>();
  const limit = plan.selection.limit ?? Infinity;
  let remainder: Remainder = { released: 0, notDeleted: 0, notLookedAt: 0 };

  for (const source of sources) {
    if (progress.isDone(source) || stop.aborted || progress.selected >= limit) continue;
    try {
      await work(source);
    } catch (error) {
      if (!abandon.aborted) throw error;
    } finally {
      if (!abandon.aborted) remainder = sum(remainder, await source.close());
    }
  }
  const isStopped = stop.aborted && !sources.every((source) => progress.isDone(source));
  if (!abandon.aborted) await progress.save(isStopped ? 'stopped' : 'finished');
  const end = abandon.aborted ? 'abandoned' : isStopped ? 'stopped' : 'finished';
  return { ...remainder, end, counts: progress.counts, inDoubt: progress.inDoubt };

  async function work(source: ReplaySource): Promise<void> {
    await progress.open(source, abandon);
    for await (const batch of source.batches(Math.ceil(Math.min(maxBatch, plan.rate)), abandon)) {
      const taken = take(batch);
      const settled = await progress.settle(taken, settle);
      if (abandon.aborted) return;
      if (settled.length > 0 && !dryRun) {
        await progress.save('running');
        await source.finish(settled, abandon);
      }
      if (progress.selected >= limit) break;
      if (stop.aborted) return;
    }
    await progress.close();
  }

  /** No more items than the limit leaves room for. */
  function take(batch: readonly ReplayItem[]): readonly ReplayItem[] {
    const room = limit - progress.selected;
    let selected = 0;
    for (const [index, { facts }] of batch.entries()) {
      if (selects(plan.selection, facts)) selected++;
      if (selected === room) return batch.slice(0, index + 1);
    }
    return batch;
  }

  async function settle(item: ReplayItem): Promise<Fate> {
    if (!selects(plan.selection, item.facts)) return 'filteredOut';
    await pace.turn(abandon);
    const publication = publicationOf(item, options);
    if (typeof publication === 'string') return publication;
    const { subject, stream, msgId } = publication;
    const isOurs = (by: StoredBy): boolean => by?.replayId === id && by.item === item.key;

    const found = await lookupIn(stream).find(subject, msgId, abandon);
    if (found) return isOurs(found.by) ? 'published' : 'suppressed';
    if (dryRun) {
      const copy = Buffer.from(msgId).toString('latin1');
      if (planned.has(copy)) return 'suppressed';
      planned.add(copy);
      return 'published';
    }
    try {
      const ack = await publisher.publish(publication, abandon);
      if (!ack.duplicate) return 'published';
      const stored = await reader.get(stream, ack.seq, abandon);
      return stored && isOurs(storedBy(stored)) ? 'published' : 'suppressed';
    } catch (error) {
      if (error instanceof PublishRejectedError) return 'failed';
      throw error;
    }
  }

  function lookupIn(stream: string): StreamLookup {
    let lookup = lookups.get(stream);
    if (!lookup) lookups.set(stream, (lookup = new StreamLookup(reader, stream)));
    return lookup;
  }
}

function sum(a: Remainder, b: Remainder): Remainder {
  return {
    released: a.released + b.released,
    notDeleted: a.notDeleted + b.notDeleted,
    notLookedAt: a.notLookedAt + b.notLookedAt,
  };
}
