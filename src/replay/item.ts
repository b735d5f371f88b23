import type { Reading } from '../decode/read-message.js';
import type { EventMessage } from '../event/cloud-event.js';
import type { DeadLetterCode } from '../event/dead-letter-code.js';
import type { FollowUp } from '../event/follow-up.js';
import type { TraceContext } from '../event/trace-context.js';
import type { VodEvent } from '../event/vod-event.js';
import type { SelectionFacts } from './selection.js';

/** The content of an item, by today's decoder and configuration. */
export type Content =
  | { readonly kind: 'event'; readonly event: VodEvent; readonly message: EventMessage }
  | {
      readonly kind: 'undecodable';
      readonly code: DeadLetterCode;
      readonly reason: string;
      readonly at: string;
    }
  /** A follow-up to be taken up again, and the row of today's plan that it falls under. */
  | { readonly kind: 'follow-up'; readonly followUp: FollowUp; readonly row: string }
  /** Nothing can or may be done with it. */
  | { readonly kind: 'left' };

/** The content of a message of a queue, once it is read. */
export function contentOfReading(reading: Reading): { content: Content; event?: VodEvent } {
  const { event } = reading;
  const content = reading.kind === 'discarded' ? ({ kind: 'left' } as const) : reading;
  return { content, ...(event && { event }) };
}

/** Today's plan for a follow-up: its row, and whether VOD is called. */
export type PlanOf = (followUp: FollowUp) => { readonly row: string; readonly leadsToCall: boolean };

/** One message of a source. */
export interface ReplayItem {
  /** Names the item among all of the replay; the same whenever and however often it is read. */
  readonly key: string;
  /** Its place in its stream, for a source that is one. */
  readonly seq?: number;
  readonly facts: SelectionFacts;
  readonly content: Content;
  /** The trace that it is part of, which what is sent for it goes on with. */
  readonly trace: TraceContext;
}

/**
 * How an item ends. `published`: this replay stored its event, or its follow-up. `suppressed`: the stream had
 * it. `failed`: NATS refuses it for good.
 */
export type Fate = 'filteredOut' | 'published' | 'suppressed' | 'undecodable' | 'left' | 'failed';

export interface SettledItem {
  readonly item: ReplayItem;
  readonly fate: Fate;
}

/** How far a source was worked through. */
export interface SourceState {
  readonly done: boolean;
  /** Of a stream: where to go on, and the last one that was there when the replay began. */
  readonly nextSeq?: number;
  readonly endSeq?: number;
  /** Keys of items that are counted, and perhaps not taken out of their source. */
  readonly unfinished: readonly string[];
}

/** The remainder at a source when a replay ends. */
export interface Remainder {
  /** Received and given back: their attempts went up by one. */
  readonly released: number;
  /** Settled, and still in the queue although they were to be deleted. */
  readonly notDeleted: number;
  /** At least so many were not looked at. */
  readonly notLookedAt: number;
}

export const nothingHeld: Remainder = { released: 0, notDeleted: 0, notLookedAt: 0 };

/** Where items come from: a queue, the dead letters, the events. */
export interface ReplaySource {
  /** Names it in the checkpoint. */
  readonly name: string;
  /**
   * Looks at the source before anything else, and finishes what a replay that was stopped left unfinished.
   * @returns about how many items there are, and where the source begins and ends.
   */
  open(
    state: SourceState | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly size: number; readonly state: SourceState }>;
  /** The items from there to the end, up to `size` at a time; perhaps none, so that the caller can stop. */
  batches(size: number, signal: AbortSignal): AsyncIterable<readonly ReplayItem[]>;
  /** Whether a replay that is resumed does not see an item again that ended so. */
  isLasting(fate: Fate): boolean;
  /** Takes items that the checkpoint has out of the source, as far as their fate asks for it. */
  finish(settled: readonly SettledItem[], signal: AbortSignal): Promise<void>;
  /** Keys of settled items that could not be taken out so far. */
  unfinished(): readonly string[];
  /** Lets go of what is held. */
  close(): Promise<Remainder>;
}
