import { isInstant } from '../event/instant.js';
import type { DeleteMediaComplete } from '../event/vod-event.js';
import { BodyFault } from './body-fault.js';
import { jsonInText } from './json-text.js';
import { splitMembers, type JsonObject } from './members.js';

const fieldNames: ReadonlySet<string> = new Set([
  'EventType',
  'EventTime',
  'Status',
  'MediaType',
  'DeleteType',
  'MediaId',
  'JobIds',
  'ErrorCode',
  'ErrorMessage',
]);

type Fields = ReadonlyMap<string, unknown>;

/**
 * Reads a DeleteMediaComplete field by field, as its page documents them
 * (https://www.alibabacloud.com/help/doc-detail/113808.html). Values VOD may add to are taken as they are; fields
 * it may add are kept in `extra`. Throws BodyFault `field-missing` or `field-invalid`.
 */
export function readDeleteMediaComplete(object: JsonObject): DeleteMediaComplete {
  const { named, others } = splitMembers(object, fieldNames);
  const error = readError(named);
  return {
    kind: 'delete-media-complete',
    eventTime: readEventTime(named),
    status: requiredText(named, 'Status'),
    mediaType: requiredText(named, 'MediaType'),
    deleteType: requiredText(named, 'DeleteType'),
    mediaId: requiredText(named, 'MediaId'),
    jobIds: readJobIds(named),
    ...(error === undefined ? {} : { error }),
    extra: others,
  };
}

function readEventTime(fields: Fields): string {
  const text = requiredText(fields, 'EventTime');
  if (isInstant(text)) return text;
  throw new BodyFault('field-invalid', 'EventTime must be an instant, yyyy-MM-ddTHH:mm:ssZ', 'EventTime');
}

/**
 * The separator is not documented; the request parameter of the same name is separated by commas. An array may also
 * come as JSON in the string, which gives the same ids.
 */
function readJobIds(fields: Fields): string[] {
  const value = fields.get('JobIds') ?? '';
  const json = typeof value === 'string' ? jsonInText(value) : value;
  const items: readonly unknown[] | undefined = Array.isArray(json)
    ? json
    : json === undefined && typeof value === 'string'
      ? value.split(',')
      : undefined;
  if (items === undefined) {
    throw new BodyFault('field-invalid', 'JobIds must be a string or an array of strings', 'JobIds');
  }
  return items
    .map((item, index) => {
      if (typeof item === 'string' && jsonInText(item) === undefined) return item.trim();
      throw new BodyFault('field-invalid', 'JobIds must hold strings only', `JobIds[${index}]`);
    })
    .filter((jobId) => jobId !== '');
}

function readError(fields: Fields): DeleteMediaComplete['error'] {
  const text = optionalText(fields, 'ErrorCode');
  const code = text === undefined ? undefined : plainText(text, 'ErrorCode');
  const message = optionalText(fields, 'ErrorMessage');
  if (code === undefined && message === undefined) return undefined;
  return { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
}

function requiredText(fields: Fields, name: string): string {
  const value = fields.get(name) ?? undefined;
  if (typeof value === 'string' && value !== '') return plainText(value, name);
  const [code, reason] = value === undefined ? (['field-missing', 'is missing'] as const) : invalid;
  throw new BodyFault(code, `${name} ${reason}: a non-empty string is expected`, name);
}

const invalid = ['field-invalid', 'is invalid'] as const;

/** An empty text or null says as much as no field at all. */
function optionalText(fields: Fields, name: string): string | undefined {
  const value = fields.get(name) ?? '';
  if (typeof value !== 'string') throw new BodyFault('field-invalid', `${name} must be a string`, name);
  return value === '' ? undefined : value;
}

/** What is JSON in a string would be taken for a name that nothing has. */
function plainText(value: string, name: string): string {
  if (jsonInText(value) === undefined) return value;
  throw new BodyFault('field-invalid', `${name} must be plain text, not JSON in a string`, name);
}
