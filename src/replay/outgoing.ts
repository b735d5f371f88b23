import { toFollowUpEvent } from '../event/follow-up-event.js';
import { underPrefix } from '../event/layout.js';
import { replayedEventPublication, replayedFollowUpPublication } from '../nats/publish/publication.js';
import type { Publication } from '../nats/publish/publisher.js';
import type { ReplayItem } from './item.js';
import { hasOwnIds } from './plan.js';
import type { ReplayOptions } from './options.js';

/**
 * The publication of a replay for an item, by its content: an event to everyone or to who asked for it; a
 * follow-up, due at once, to the follow-up half only. The half takes it up as one that was put off for the
 * first time, so that no further taking-up has the id that it is sent under.
 *
 * @returns what becomes of an item for which nothing is sent. A follow-up cannot be sent elsewhere.
 */
export function publicationOf(
  { key, content, trace }: ReplayItem,
  {
    id,
    plan,
    prefix,
    targetStream,
    clock,
  }: Pick<ReplayOptions, 'id' | 'plan' | 'prefix' | 'targetStream' | 'clock'>,
): Publication | 'undecodable' | 'left' {
  const mark = { replayId: id, item: key, trace };
  switch (content.kind) {
    case 'event': {
      const { subject, ...event } = content.message;
      const target = { subject: underPrefix(subject, prefix, plan.to ?? prefix), stream: targetStream };
      return replayedEventPublication(target, event, mark, hasOwnIds(plan));
    }
    case 'follow-up': {
      if (plan.to !== undefined) return 'left';
      const { followUp, row } = content;
      const dueMs = clock.now();
      const result = { outcome: 'postponed', row, reason: 'replayed', attempts: 0, dueMs } as const;
      const event = toFollowUpEvent({ ...followUp, replayId: id }, result, prefix, dueMs);
      return replayedFollowUpPublication(prefix, event, mark);
    }
    case 'undecodable':
    case 'left':
      return content.kind;
  }
}
