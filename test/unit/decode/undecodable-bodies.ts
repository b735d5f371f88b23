import type { UndecodableCode } from '../../../src/event/dead-letter-code.js';
import { base64, jsonNotification, xmlNotification } from './envelopes.js';

export const minimal = {
  EventType: 'DeleteMediaComplete',
  EventTime: '2017-03-20T07:49:17Z',
  Status: 'success',
  MediaType: 'video',
  DeleteType: 'all',
  MediaId: 'm',
};
export const event = JSON.stringify(minimal);
const xmlHead = '<?xml version="1.0"?>';

export interface Row {
  name: string;
  body: string;
  code: UndecodableCode;
  at: string;
}

export const bodies: Row[] = [
  { name: 'nothing', body: '', code: 'empty-body', at: 'offset 0' },
  { name: 'only blanks', body: '\ufeff \r\n', code: 'empty-body', at: 'offset 0' },
  { name: 'Base64 of blanks', body: base64('   '), code: 'empty-body', at: 'base64 > offset 0' },
  { name: 'an empty notification', body: jsonNotification(''), code: 'empty-body', at: 'Message > offset 0' },
  { name: 'prose', body: 'hello, world', code: 'not-json', at: 'offset 0' },
  { name: 'a truncated event', body: ` ${event.slice(0, 50)}`, code: 'not-json', at: 'offset 47' },
  { name: 'a trailing comma', body: '{"a":1,}', code: 'not-json', at: 'offset 7' },
  { name: 'text after the event', body: `${event}x`, code: 'not-json', at: `offset ${event.length}` },
  { name: 'NUL bytes', body: '\0\0\0', code: 'not-json', at: 'offset 0' },
  { name: 'Base64 of prose', body: base64('hello, world'), code: 'not-json', at: 'base64 > offset 0' },
  { name: 'Base64 of Base64', body: base64(base64(event)), code: 'not-json', at: 'base64 > offset 0' },
  {
    name: 'Base64 without padding',
    body: base64(`${event} `).replace(/=+$/, ''),
    code: 'not-json',
    at: 'offset 0',
  },
  {
    name: 'Base64 with a line break',
    body: base64(event).replace(/^.{76}/, '$&\n'),
    code: 'not-json',
    at: 'offset 0',
  },
  { name: 'Base64 with stray bits', body: 'e31=', code: 'not-json', at: 'offset 0' },
  { name: 'URL-safe Base64', body: '____', code: 'not-json', at: 'offset 0' },
  {
    name: 'Base64 of bytes that are not UTF-8',
    body: 'e////30=',
    code: 'base64-not-utf8',
    at: 'base64',
  },
  { name: 'a word that is also Base64', body: 'deadbeef', code: 'base64-not-utf8', at: 'base64' },
  { name: 'JSON null', body: 'null', code: 'not-an-object', at: 'offset 0' },
  { name: 'an array', body: `[${event}]`, code: 'not-an-object', at: 'offset 0' },
  {
    name: 'a string in a string',
    body: JSON.stringify(JSON.stringify(event)),
    code: 'not-an-object',
    at: 'string > offset 0',
  },
  { name: 'a string that is no JSON', body: '"hello"', code: 'not-json', at: 'string > offset 0' },
  { name: 'Base64 of a number', body: base64('123'), code: 'not-an-object', at: 'base64 > offset 0' },
  { name: 'arrays 10,000 deep', body: nested(10_000), code: 'too-deep', at: 'offset 87' },
  { name: 'a million open arrays', body: '['.repeat(1_000_000), code: 'too-deep', at: 'offset 64' },
  { name: 'deep JSON in Base64', body: base64(nested(65)), code: 'too-deep', at: 'base64 > offset 87' },
  { name: 'an empty object', body: '{}', code: 'not-a-vod-event', at: 'EventType' },
  {
    name: 'an EventType that is no string',
    body: '{"EventType":1}',
    code: 'not-a-vod-event',
    at: 'EventType',
  },
  { name: 'an empty EventType', body: '{"EventType":""}', code: 'not-a-vod-event', at: 'EventType' },
  {
    name: 'an inherited EventType',
    body: `{"__proto__":${event}}`,
    code: 'not-a-vod-event',
    at: 'EventType',
  },
  { name: 'lower-case keys', body: event.toLowerCase(), code: 'not-a-vod-event', at: 'EventType' },
  {
    name: "another vendor's event",
    body: '{"EventType":"DeleteMediaComplete","Data":{"Vid":"v"}}',
    code: 'not-a-vod-event',
    at: 'Data.Vid',
  },
  {
    name: 'no event in a notification',
    body: jsonNotification('{}'),
    code: 'not-a-vod-event',
    at: 'Message > EventType',
  },
  {
    name: 'a notification in a notification',
    body: jsonNotification(jsonNotification(event)),
    code: 'envelope-invalid',
    at: 'Message > offset 0',
  },
  {
    name: 'XML in JSON',
    body: jsonNotification(xmlNotification(event)),
    code: 'envelope-invalid',
    at: 'Message > offset 0',
  },
  {
    name: 'a Message that is no string',
    body: `{"TopicOwner":"o","TopicName":"t","Message":${event}}`,
    code: 'envelope-invalid',
    at: 'Message',
  },
  {
    name: "the vendor's sample with the wrong closing tag",
    body: xmlNotification(event).replace('</PublishTime>', '</MessagePublishTime>'),
    code: 'envelope-invalid',
    at: 'offset 612',
  },
  { name: 'HTML', body: '<html><body>502</body></html>', code: 'envelope-invalid', at: 'offset 6' },
  {
    name: 'a DOCTYPE',
    body: `${xmlHead}<!DOCTYPE Notification [<!ENTITY a "aa">]><Notification><Message>&a;</Message></Notification>`,
    code: 'envelope-invalid',
    at: 'offset 63',
  },
  { name: 'an XML bomb', body: bomb(), code: 'envelope-invalid', at: `offset ${bomb().indexOf(']>') + 2}` },
  {
    name: 'an unknown entity',
    body: '<Notification><Message>&a;</Message></Notification>',
    code: 'envelope-invalid',
    at: 'offset 26',
  },
  {
    name: 'a notification without Message',
    body: '<Notification></Notification>',
    code: 'envelope-invalid',
    at: 'Message',
  },
  {
    name: 'two Messages',
    body: '<Notification><Message>a</Message><Message>b</Message></Notification>',
    code: 'envelope-invalid',
    at: 'offset 43',
  },
  {
    name: 'elements in Message',
    body: '<Notification><Message><a/></Message></Notification>',
    code: 'envelope-invalid',
    at: 'offset 27',
  },
  {
    name: 'an unclosed notification',
    body: '<Notification><Message>a',
    code: 'envelope-invalid',
    at: 'offset 24',
  },
  {
    name: 'XML 10,000 deep',
    body: `<Notification>${'<a>'.repeat(10_000)}`,
    code: 'envelope-invalid',
    at: 'offset 38',
  },
  {
    name: 'endless XML',
    body: `<Notification>${' '.repeat(1_048_576)}</Notification>`,
    code: 'envelope-invalid',
    at: 'offset 0',
  },
];

export const required = ['EventTime', 'Status', 'MediaType', 'DeleteType', 'MediaId'];
export const fields: Row[] = [
  ...required.flatMap((name): Row[] => [
    { name: `no ${name}`, body: withField(name, undefined), code: 'field-missing', at: name },
    { name: `${name} null`, body: withField(name, null), code: 'field-missing', at: name },
    { name: `${name} empty`, body: withField(name, ''), code: 'field-invalid', at: name },
    { name: `${name} a number`, body: withField(name, 1), code: 'field-invalid', at: name },
    { name: `${name} an object`, body: withField(name, {}), code: 'field-invalid', at: name },
  ]),
  {
    name: 'a local EventTime',
    body: withField('EventTime', '2017-03-20T07:49:17+08:00'),
    code: 'field-invalid',
    at: 'EventTime',
  },
  {
    name: 'an impossible EventTime',
    body: withField('EventTime', '2017-02-30T00:00:00Z'),
    code: 'field-invalid',
    at: 'EventTime',
  },
  {
    name: 'an object in JobIds as text',
    body: withField('JobIds', '{"a":1}'),
    code: 'field-invalid',
    at: 'JobIds',
  },
  {
    name: 'numbers in JobIds as text',
    body: withField('JobIds', '[1]'),
    code: 'field-invalid',
    at: 'JobIds[0]',
  },
  { name: 'JSON in JobIds', body: withField('JobIds', ['["a"]']), code: 'field-invalid', at: 'JobIds[0]' },
  {
    name: 'MediaId an array as text',
    body: withField('MediaId', '["a"]'),
    code: 'field-invalid',
    at: 'MediaId',
  },
  {
    name: 'Status a string as text',
    body: withField('Status', '"fail"'),
    code: 'field-invalid',
    at: 'Status',
  },
  {
    name: 'ErrorCode an object as text',
    body: withField('ErrorCode', '{"Code":"a"}'),
    code: 'field-invalid',
    at: 'ErrorCode',
  },
  {
    name: 'EventType as text',
    body: withField('EventType', '"DeleteMediaComplete"'),
    code: 'not-a-vod-event',
    at: 'EventType',
  },
  { name: 'JobIds a number', body: withField('JobIds', 1), code: 'field-invalid', at: 'JobIds' },
  { name: 'JobIds an object', body: withField('JobIds', {}), code: 'field-invalid', at: 'JobIds' },
  { name: 'a number in JobIds', body: withField('JobIds', ['a', 1]), code: 'field-invalid', at: 'JobIds[1]' },
  { name: 'ErrorCode a number', body: withField('ErrorCode', 404), code: 'field-invalid', at: 'ErrorCode' },
  {
    name: 'ErrorMessage an array',
    body: withField('ErrorMessage', []),
    code: 'field-invalid',
    at: 'ErrorMessage',
  },
  {
    name: 'a field, deep in envelopes',
    body: base64(xmlNotification(base64(withField('MediaId', '')))),
    code: 'field-invalid',
    at: 'base64 > Message > base64 > MediaId',
  },
];

function withField(name: string, value: unknown): string {
  return JSON.stringify({ ...minimal, [name]: value });
}

/** A foreign event whose JSON is nested `depth` levels, the object around it included. */
export function nested(depth: number): string {
  return `{"EventType":"Deep","N":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
}

function bomb(): string {
  const levels = Array.from({ length: 20 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`);
  return `${xmlHead}<!DOCTYPE Notification [<!ENTITY e0 "boom">${levels.join('')}]><Notification><Message>&e20;</Message></Notification>`;
}
