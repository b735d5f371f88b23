import { isInstant } from '../event/instant.js';
import type { EventFields } from '../event/native-event.js';
import { BodyFault } from './body-fault.js';
import { jsonInText } from './json-text.js';
import { splitMembers, type JsonObject } from './members.js';

/**
 * The fields of an event, read as VOD documents them. Values VOD may add to are taken as they are; fields it
 * may add are among the others. Throws BodyFault `field-missing` or `field-invalid`.
 */
export function eventFields(object: JsonObject, names: readonly string[]): EventFields {
  const { named, others } = splitMembers(object, new Set(names));
  const text = (name: string): string => requiredText(named.get(name), name);
  const optionalText = (name: string): string | undefined => readOptionalText(named.get(name), name);
  return {
    text,
    instant: (name) => readInstant(text(name), name),
    optionalText,
    optionalName(name) {
      const value = optionalText(name);
      return value === undefined ? undefined : plainText(value, name);
    },
    texts: (name) => readTexts(named.get(name), name),
    others,
  };
}

function readInstant(text: string, name: string): string {
  if (isInstant(text)) return text;
  throw new BodyFault('field-invalid', `${name} must be an instant, yyyy-MM-ddTHH:mm:ssZ`, name);
}

/**
 * The separator is not documented; the request parameter of the same name is separated by commas. An array
 * may also come as JSON in the string, which gives the same ids.
 */
function readTexts(field: unknown, name: string): string[] {
  const value = field ?? '';
  const json = typeof value === 'string' ? jsonInText(value) : value;
  const items: readonly unknown[] | undefined = Array.isArray(json)
    ? json
    : json === undefined && typeof value === 'string'
      ? value.split(',')
      : undefined;
  if (items === undefined) {
    throw new BodyFault('field-invalid', `${name} must be a string or an array of strings`, name);
  }
  return items
    .map((item, index) => {
      if (typeof item === 'string' && jsonInText(item) === undefined) return item.trim();
      throw new BodyFault('field-invalid', `${name} must hold strings only`, `${name}[${index}]`);
    })
    .filter((text) => text !== '');
}

function requiredText(field: unknown, name: string): string {
  const value = field ?? undefined;
  if (typeof value === 'string' && value !== '') return plainText(value, name);
  const [code, reason] = value === undefined ? (['field-missing', 'is missing'] as const) : invalid;
  throw new BodyFault(code, `${name} ${reason}: a non-empty string is expected`, name);
}

const invalid = ['field-invalid', 'is invalid'] as const;

/** An empty text or null says as much as no field at all. */
function readOptionalText(field: unknown, name: string): string | undefined {
  const value = field ?? '';
  if (typeof value !== 'string') throw new BodyFault('field-invalid', `${name} must be a string`, name);
  return value === '' ? undefined : value;
}

/** JSON inside a string would otherwise count as a name. */
function plainText(value: string, name: string): string {
  if (jsonInText(value) === undefined) return value;
  throw new BodyFault('field-invalid', `${name} must be plain text, not JSON in a string`, name);
}
