import { fromCloudEvent } from '../event/cloud-event.js';
import { readFollowUp } from '../event/follow-up-event.js';
import { traceContextOf } from '../event/trace-context.js';
import type { StoredMessage } from '../nats/streams/reader.js';
import { streamNames } from '../event/layout.js';
import { nothingHeld, type Content, type PlanOf, type ReplayItem, type ReplaySource } from './item.js';
import type { Selection } from './selection.js';
import { inBatches, openStream, type Reader } from './stream-batches.js';

/** An event is stored after it happened; clocks that differ and odd event times are within this. */
const storedAfterMs = 86_400_000;

/**
 * The events that are in the stream already. Their time is the event time.
 *
 * @param planOf given: the items are follow-ups of the events, and what leads to no call is left.
 */
export function createEventSource(
  reader: Reader,
  prefix: string,
  { sinceMs }: Selection,
  planOf: PlanOf | undefined,
): ReplaySource {
  const stream = streamNames(prefix).events;
  let begin: { startSeq?: number; startTimeMs?: number } = {};
  let lastSeq = 0;
  return {
    name: stream,
    async open(state, signal) {
      const opened = await openStream(reader, stream, state, signal);
      const { nextSeq, endSeq = 0 } = opened.state;
      lastSeq = endSeq;
      if (nextSeq !== undefined) begin = { startSeq: nextSeq };
      else if (sinceMs !== undefined) begin = { startTimeMs: sinceMs - storedAfterMs };
      return opened;
    },
    batches: (size, signal) => inBatches(reader.read({ stream, ...begin }, signal), toItem, lastSeq, size),
    isLasting: () => true,
    finish: () => Promise.resolve(),
    unfinished: () => [],
    close: () => Promise.resolve(nothingHeld),
  };

  function toItem({ seq, subject, storedAtMs, headers, body }: StoredMessage): ReplayItem & { seq: number } {
    const text = Buffer.from(body).toString('utf8');
    const stored = fromCloudEvent(text);
    const place = { key: String(seq), seq, trace: traceContextOf(headers) };
    if (!stored) return { ...place, facts: { timeMs: storedAtMs }, content: { kind: 'left' } };
    const { id, time, event } = stored;
    const facts = { timeMs: Date.parse(time), event };
    if (planOf) return { ...place, facts, content: followUpContent(text, planOf) };
    const message = { id, subject, contentType: 'application/cloudevents+json', body: text } as const;
    return { ...place, facts, content: { kind: 'event', event, message } };
  }
}

function followUpContent(text: string, planOf: PlanOf): Content {
  const followUp = readFollowUp(text);
  if (!followUp) return { kind: 'left' };
  const { row, leadsToCall } = planOf(followUp);
  return leadsToCall ? { kind: 'follow-up', followUp, row } : { kind: 'left' };
}
