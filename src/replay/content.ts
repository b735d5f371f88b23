import { illegalCharacters, notUtf8 } from '../decode/damaged-body.js';
import { decodeBody } from '../decode/decode-body.js';
import { toCloudEvent } from '../event/cloud-event.js';
import type { DeadLetterCode } from '../event/dead-letter-code.js';
import type { EventOrigin, VodEvent } from '../event/vod-event.js';
import type { ReceivedMessage } from '../receive/queue.js';
import type { Content } from './item.js';

/** What today's decoder makes of a body. */
export type DecodedBody =
  | { readonly kind: 'event'; readonly event: VodEvent }
  | {
      readonly kind: 'undecodable';
      readonly code: DeadLetterCode;
      /** As in a dead letter: without any piece of the body. */
      readonly reason: string;
      readonly at: string;
    };

/** What today's configuration says about what a body becomes. */
export interface Decoding {
  readonly prefix: string;
  readonly foreignEvents: 'forward' | 'dead-letter' | 'discard';
}

/** Decodes a message of a queue, as the relay would. Never throws. */
export function decodeReceived({ body, bodyBytes, damaged }: ReceivedMessage): DecodedBody {
  if (bodyBytes) return notUtf8;
  if (damaged) return illegalCharacters;
  return decodeBody(body);
}

/** What `run` would do with a decoded body today. The event is there for filters, even if it may not be published. */
export function readContent(
  decoded: DecodedBody,
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
