import { mediaSubject } from './attribute.js';
import type { EventFields, NativeEventBase, NativeEventType } from './native-event.js';

/**
 * A media was deleted, or could not be. Source: https://www.alibabacloud.com/help/doc-detail/113808.html.
 * Every text is as received, unknown values too.
 */
export interface DeleteMediaComplete extends NativeEventBase {
  readonly kind: 'delete-media-complete';
  readonly status: string;
  readonly mediaType: string;
  readonly deleteType: string;
  /** Empty unless VOD sent some, which it does for the delete type `stream`. */
  readonly jobIds: readonly string[];
  /** Present only when VOD sent a code or a message. */
  readonly error?: { readonly code?: string; readonly message?: string };
  /** Fields the documentation does not name. Numbers are doubles, as with any JavaScript parser. */
  readonly extra: Readonly<Record<string, unknown>>;
}

export const deleteMediaComplete: NativeEventType<DeleteMediaComplete> = {
  kind: 'delete-media-complete',
  eventType: 'DeleteMediaComplete',
  schema: 'urn:vod-relay:schema:DeleteMediaComplete:1',
  fields: [
    'EventType',
    'EventTime',
    'Status',
    'MediaType',
    'DeleteType',
    'MediaId',
    'JobIds',
    'ErrorCode',
    'ErrorMessage',
  ],

  read(fields) {
    const error = readError(fields);
    return {
      kind: 'delete-media-complete',
      eventTime: fields.instant('EventTime'),
      status: fields.text('Status'),
      mediaType: fields.text('MediaType'),
      deleteType: fields.text('DeleteType'),
      mediaId: fields.text('MediaId'),
      jobIds: fields.texts('JobIds'),
      ...(error === undefined ? {} : { error }),
      extra: fields.others,
    };
  },

  identity({ eventTime, status, mediaType, deleteType, mediaId, jobIds, error }) {
    return [eventTime, status, mediaType, deleteType, mediaId, jobIds.toSorted(), error?.code ?? null];
  },

  subjectTokens({ status, mediaType, deleteType, mediaId }) {
    return [status, mediaType, deleteType, mediaId];
  },

  cloudEventSubject: mediaSubject,

  toData({ mediaId, mediaType, deleteType, status, jobIds, error, extra }) {
    return {
      mediaId,
      mediaType,
      deleteType,
      status,
      jobIds,
      ...(error === undefined ? {} : { error }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
  },

  fromData(data, eventTime) {
    const { extra = {}, ...fields } = data as Omit<DeleteMediaComplete, 'kind' | 'eventTime' | 'extra'> &
      Partial<Pick<DeleteMediaComplete, 'extra'>>;
    return { kind: 'delete-media-complete', eventTime, ...fields, extra };
  },
};

function readError(fields: EventFields): DeleteMediaComplete['error'] {
  const code = fields.optionalName('ErrorCode');
  const message = fields.optionalText('ErrorMessage');
  if (code === undefined && message === undefined) return undefined;
  return { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
}
