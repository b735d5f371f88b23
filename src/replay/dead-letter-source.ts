import type { ReadingPolicy } from '../decode/read-message.js';
import { haveSameReason } from '../event/dead-letter.js';
import type { EventOrigin, VodEvent } from '../event/vod-event.js';
import { traceContextOf } from '../event/trace-context.js';
import { doneDeadLetterPublication, recodedDeadLetterPublication } from '../nats/publish/publication.js';
import { PublishRejectedError } from '../nats/publish/not-stored.js';
import type { Publisher } from '../nats/publish/publisher.js';
import { streamNames } from '../event/layout.js';
import type { Clock } from '../time.js';
import { findDeadLetter, readDeadLetters, type StoredDeadLetter } from './dead-letter-stream.js';
import { readDeadLetter } from './read-dead-letter.js';
import {
  contentOfReading,
  nothingHeld,
  type Content,
  type PlanOf,
  type ReplayItem,
  type ReplaySource,
  type SettledItem,
} from './item.js';
import type { Selection } from './selection.js';
import { inBatches, openStream, type Reader } from './stream-batches.js';

export interface DeadLetterSourceOptions {
  reader: Reader;
  publisher: Pick<Publisher, 'publish'>;
  clock: Clock;
  replayId: string;
  selection: Selection;
  policy: ReadingPolicy;
  /** Whose events a queue's are; undefined for a queue that the configuration no longer has. */
  originOf: (queue: string) => EventOrigin | undefined;
  planOf: PlanOf;
  /** Dead letters stay as they are. */
  keep: boolean;
}

interface DeadLetterItem extends ReplayItem {
  readonly seq: number;
  readonly letter: StoredDeadLetter;
}

/**
 * The open dead letters. One whose event is in the stream, or whose follow-up is to be taken up again, is
 * kept as done; one that is a dead letter for another reason than before is kept with that reason. Both by a
 * copy, then the deletion of the original: after a crash in between, the copy is suppressed by its id and the
 * deletion made up for.
 */
export function createDeadLetterSource(options: DeadLetterSourceOptions): ReplaySource {
  const { reader, publisher, clock, replayId, selection, policy, originOf, planOf, keep } = options;
  const { prefix } = policy;
  const stream = streamNames(prefix).deadLetters;
  let notDeleted = 0;
  let begin: { nextSeq?: number; endSeq: number } = { endSeq: 0 };

  return {
    name: stream,
    async open(state, signal) {
      const opened = await openStream(reader, stream, state, signal);
      const { nextSeq, endSeq = 0 } = opened.state;
      begin = { endSeq, ...(nextSeq !== undefined && { nextSeq }) };
      for (const key of opened.state.unfinished) {
        const letter = await findDeadLetter(reader, prefix, Number(key), signal);
        if (letter) await finishOrLeave(toItem(letter), signal);
      }
      return opened;
    },
    batches: (size, signal) => {
      const { queue, code, sinceMs } = selection;
      const query = { prefix, queue, code, sinceMs, fromId: begin.nextSeq };
      return inBatches(readDeadLetters(reader, query, signal), toItem, begin.endSeq, size);
    },
    isLasting: () => true,
    async finish(settled: readonly SettledItem[], signal) {
      if (keep) return;
      const finished = ['published', 'suppressed', 'undecodable'];
      const items = settled.filter(({ fate }) => finished.includes(fate)).map(({ item }) => item);
      await Promise.all(items.map((item) => finishOrLeave(item as DeadLetterItem, signal)));
    },
    unfinished: () => [],
    close: () => Promise.resolve({ ...nothingHeld, notDeleted }),
  };

  function toItem(letter: StoredDeadLetter): DeadLetterItem {
    const { id, timeMs, queue, code } = letter;
    const { content, event } = contentOfLetter(letter, originOf(queue), policy, planOf);
    return {
      key: String(id),
      seq: id,
      facts: { timeMs, queue, code, ...(event && { event }) },
      content,
      trace: traceContextOf(letter.headers),
      letter,
    };
  }

  /** The headers of a copy are longer, and may make it too large; the original is better than nothing. */
  async function finishOrLeave(item: DeadLetterItem, signal: AbortSignal): Promise<void> {
    try {
      await finishOne(item, signal);
    } catch (error) {
      if (!(error instanceof PublishRejectedError)) throw error;
      notDeleted++;
    }
  }

  async function finishOne({ letter, content }: DeadLetterItem, signal: AbortSignal): Promise<void> {
    if (content.kind === 'left') return;
    if (content.kind !== 'undecodable') {
      const eventId = content.kind === 'event' ? content.message.id : content.followUp.eventId;
      const done = { at: new Date(clock.now()).toISOString(), eventId, replayId };
      await publisher.publish(doneDeadLetterPublication(prefix, letter, done), signal);
    } else {
      const copy = recodedDeadLetterPublication(prefix, letter, content);
      if (haveSameReason(copy.headers, letter.headers)) return;
      await publisher.publish(copy, signal);
    }
    await reader.remove(stream, letter.id, signal);
  }
}

/**
 * The reading of a dead letter by a replay; `origin` is undefined where it cannot be told whose event it is.
 */
export function contentOfLetter(
  letter: StoredDeadLetter,
  origin: EventOrigin | undefined,
  policy: ReadingPolicy,
  planOf: PlanOf,
): { content: Content; event?: VodEvent } {
  const reading = readDeadLetter(letter, origin, policy);
  switch (reading.kind) {
    case 'unreadable-follow-up':
    case 'no-origin':
      return { content: { kind: 'left' } };
    case 'follow-up': {
      const { kind, followUp, event } = reading;
      return { content: { kind, followUp, row: planOf(followUp).row }, event };
    }
    case 'event':
    case 'undecodable':
    case 'discarded':
      return contentOfReading(reading);
  }
}
