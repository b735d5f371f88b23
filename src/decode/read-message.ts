import { toCloudEvent, type EventMessage } from '../event/cloud-event.js';
import type { DeadLetterCode } from '../event/dead-letter-code.js';
import type { EventOrigin, VodEvent } from '../event/vod-event.js';
import { decodeMessage, type Received } from './decode-message.js';

/** The part of the configuration that decides what becomes of a message. */
export interface ReadingPolicy {
  /** The subject prefix. */
  readonly prefix: string;
  readonly foreignEvents: 'forward' | 'dead-letter' | 'discard';
}

/** A message, read. Its event is there for filters, even where it is not to be published. */
export type Reading =
  | { readonly kind: 'event'; readonly event: VodEvent; readonly message: EventMessage }
  /** To be kept as a dead letter. */
  | {
      readonly kind: 'undecodable';
      readonly code: DeadLetterCode;
      readonly reason: string;
      readonly at: string;
      readonly event?: VodEvent;
    }
  | { readonly kind: 'discarded'; readonly event: VodEvent };

/**
 * The one reading of a message of a queue. The relay, a replay and `dead-letters show` all ask here, so that
 * they say the same of one message. Never throws, whatever the message holds.
 */
export function readMessage(
  received: Received & { readonly enqueuedAtMs: number },
  origin: EventOrigin,
  { prefix, foreignEvents }: ReadingPolicy,
): Reading {
  const decoded = decodeMessage(received);
  if (decoded.kind === 'undecodable') return decoded;
  const { event } = decoded;
  if (event.kind === 'foreign' && foreignEvents === 'discard') return { kind: 'discarded', event };
  if (event.kind === 'foreign' && foreignEvents === 'dead-letter') {
    const reason = 'foreignEvents is set to dead-letter';
    return { kind: 'undecodable', code: 'foreign-refused', reason, at: 'EventType', event };
  }
  const fallbackTime = new Date(received.enqueuedAtMs).toISOString();
  return { kind: 'event', event, message: toCloudEvent(event, origin, fallbackTime, prefix) };
}
