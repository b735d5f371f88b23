import type { StreamReader } from '../nats/streams/reader.js';
import type { ReplayItem, SourceState } from './item.js';

/** The part of the reader of streams that a replay needs. */
export type Reader = Pick<StreamReader, 'read' | 'get' | 'nextOnSubject' | 'remove' | 'state'>;

/** Where a stream's part of a replay begins and ends: what is stored later is not part of it. */
export async function openStream(
  reader: Reader,
  stream: string,
  state: SourceState | undefined,
  signal: AbortSignal,
): Promise<{ size: number; state: SourceState }> {
  const { messages, lastSeq } = await reader.state(stream, signal);
  const { nextSeq = 1, endSeq = lastSeq } = state ?? {};
  const size = Math.max(0, Math.min(messages, endSeq - nextSeq + 1));
  return { size, state: { done: false, unfinished: [], ...state, endSeq } };
}

/** The messages stored up to `endSeq`, up to `size` at a time. */
export async function* inBatches<Stored>(
  messages: AsyncIterable<Stored>,
  toItem: (stored: Stored) => ReplayItem & { readonly seq: number },
  endSeq: number,
  size: number,
): AsyncGenerator<readonly ReplayItem[]> {
  let batch: ReplayItem[] = [];
  for await (const stored of messages) {
    const item = toItem(stored);
    if (item.seq > endSeq) break;
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
