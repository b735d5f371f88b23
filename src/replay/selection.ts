import { eventTypeOf, type VodEvent } from '../event/vod-event.js';

/** Which messages are meant: those that match every filter that is set. Texts match exactly. */
export interface Selection {
  /** Epoch milliseconds: not before this. */
  readonly sinceMs?: number;
  /** Epoch milliseconds: before this. */
  readonly untilMs?: number;
  readonly mediaId?: string;
  readonly status?: string;
  readonly mediaType?: string;
  readonly deleteType?: string;
  /** The EventType as VOD writes it, such as `DeleteMediaComplete`. */
  readonly eventType?: string;
  /** The queue that the message came from. */
  readonly queue?: string;
  /** The code of a dead letter. */
  readonly code?: string;
  /** At most so many; whoever reads counts. */
  readonly limit?: number;
}

/** The facts about a message before it is selected. */
export interface SelectionFacts {
  /** The enqueue time of a queue's message, the time of a dead letter, the event time of an event. */
  readonly timeMs: number;
  readonly queue?: string;
  readonly code?: string;
  /** Absent when the message does not decode. */
  readonly event?: VodEvent;
}

/** Whether a message is meant. A filter on something that is not known of the message does not match. */
export function selects(selection: Selection, facts: SelectionFacts): boolean {
  const { sinceMs, untilMs, queue, code } = selection;
  if (sinceMs !== undefined && !(facts.timeMs >= sinceMs)) return false;
  if (untilMs !== undefined && !(facts.timeMs < untilMs)) return false;
  return matches(queue, facts.queue) && matches(code, facts.code) && selectsEvent(selection, facts.event);
}

/** Whether the event of a message matters to the selection: only then is it worth decoding for it. */
export function filtersEvents({ mediaId, status, mediaType, deleteType, eventType }: Selection): boolean {
  return [mediaId, status, mediaType, deleteType, eventType].some((filter) => filter !== undefined);
}

function selectsEvent(selection: Selection, event: VodEvent | undefined): boolean {
  if (!filtersEvents(selection)) return true;
  if (!event) return false;
  const { mediaId, status, mediaType, deleteType, eventType } = selection;
  const fields: Readonly<Record<string, unknown>> = event.kind === 'foreign' ? {} : { ...event };
  return (
    matches(mediaId, event.mediaId) &&
    matches(eventType, eventTypeOf(event)) &&
    matches(status, fields['status']) &&
    matches(mediaType, fields['mediaType']) &&
    matches(deleteType, fields['deleteType'])
  );
}

function matches(filter: string | undefined, value: unknown): boolean {
  return filter === undefined || filter === value;
}
