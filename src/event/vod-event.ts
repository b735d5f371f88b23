import { nativeTypeOf, type NativeEvent } from './native-events.js';
import { percentEncode } from './percent.js';

/** Any other VOD event that shares the queue: passed on, not understood. */
export interface ForeignEvent {
  readonly kind: 'foreign';
  /** Not empty, and of no native event. */
  readonly eventType: string;
  /** Only when it has the documented form. */
  readonly eventTime?: string;
  readonly mediaId?: string;
  /** The JSON text of the event exactly as received: parsing it would change numbers beyond 2^53. */
  readonly json: string;
}

export type VodEvent = NativeEvent | ForeignEvent;

/** The `EventType` as VOD writes it. */
export function eventTypeOf(event: VodEvent): string {
  return event.kind === 'foreign' ? event.eventType : nativeTypeOf(event).eventType;
}

/** Where an event came from. The body says nothing of it: it is known from the configuration of the queue. */
export interface EventOrigin {
  readonly region: string;
  readonly account: string;
  readonly queue: string;
}

/**
 * The CloudEvents `source`: `acs:vod:<region>:<account>`, always a valid URI. The queue is not part of it, so
 * that an event that reaches us through two queues of one account keeps one id.
 */
export function eventSource(origin: Pick<EventOrigin, 'region' | 'account'>): string {
  return `acs:vod:${uriPart(origin.region)}:${uriPart(origin.account)}`;
}

function uriPart(text: string): string {
  return percentEncode(text, /[^A-Za-z0-9._~-]/gu);
}
