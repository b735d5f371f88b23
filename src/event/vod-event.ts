import { percentEncode } from './percent.js';

/** The `EventType` of the event this project is about. */
export const deleteMediaCompleteType = 'DeleteMediaComplete';

/**
 * A media was deleted, or could not be.
 * Source: https://www.alibabacloud.com/help/doc-detail/113808.html. Every text is as received, unknown values too.
 */
export interface DeleteMediaComplete {
  readonly kind: 'delete-media-complete';
  /** UTC, `yyyy-MM-ddTHH:mm:ssZ`, perhaps with a fraction of a second. */
  readonly eventTime: string;
  readonly status: string;
  readonly mediaType: string;
  readonly deleteType: string;
  readonly mediaId: string;
  /** Empty unless VOD sent some, which it does for the delete type `stream`. */
  readonly jobIds: readonly string[];
  /** Present only when VOD sent a code or a message. */
  readonly error?: { readonly code?: string; readonly message?: string };
  /** Fields the documentation does not name. Numbers are doubles, as with any JavaScript parser. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Any other VOD event that shares the queue: passed on, not understood. */
export interface ForeignEvent {
  readonly kind: 'foreign';
  /** Not empty, and not `DeleteMediaComplete`. */
  readonly eventType: string;
  /** Only when it has the documented form. */
  readonly eventTime?: string;
  readonly mediaId?: string;
  /** The JSON text of the event exactly as received: parsing it would change numbers beyond 2^53. */
  readonly json: string;
}

export type VodEvent = DeleteMediaComplete | ForeignEvent;

/** Where an event came from. The body says nothing of it: it is known from the configuration of the queue. */
export interface EventOrigin {
  readonly region: string;
  readonly account: string;
  readonly queue: string;
}

/**
 * The CloudEvents `source`: `acs:vod:<region>:<account>`, always a valid URI. The queue is not part of it, so that
 * an event that reaches us through two queues of one account keeps one id.
 */
export function eventSource(origin: Pick<EventOrigin, 'region' | 'account'>): string {
  return `acs:vod:${uriPart(origin.region)}:${uriPart(origin.account)}`;
}

function uriPart(text: string): string {
  return percentEncode(text, /[^A-Za-z0-9._~-]/gu);
}
