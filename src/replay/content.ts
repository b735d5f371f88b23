import type { DecodedMessage } from '../decode/decode-message.js';
import { toCloudEvent } from '../event/cloud-event.js';
import type { EventOrigin, VodEvent } from '../event/vod-event.js';
import type { Content } from './item.js';

/** What today's configuration says about what a body becomes. */
export interface Decoding {
  readonly prefix: string;
  readonly foreignEvents: 'forward' | 'dead-letter' | 'discard';
}

/** What `run` would do with a decoded body today. The event is there for filters, even if it may not be published. */
export function readContent(
  decoded: DecodedMessage,
  origin: EventOrigin,
  enqueuedAtMs: number,
  { prefix, foreignEvents }: Decoding,
): { content: Content; event?: VodEvent } {
  if (decoded.kind === 'undecodable') return { content: decoded };
  const { event } = decoded;
  if (event.kind === 'foreign' && foreignEvents === 'discard') return { content: { kind: 'left' }, event };
  if (event.kind === 'foreign' && foreignEvents === 'dead-letter') {
    const reason = 'foreignEvents is set to dead-letter';
    return { content: { kind: 'undecodable', code: 'foreign-refused', reason, at: 'EventType' }, event };
  }
  const message = toCloudEvent(event, origin, new Date(enqueuedAtMs).toISOString(), prefix);
  return { content: { kind: 'event', event, message }, event };
}
