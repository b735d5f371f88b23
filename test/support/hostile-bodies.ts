import type { DeadLetterCode } from '../../src/event/dead-letter-code.js';
import { deletionBody, foreignBody, topicNotification } from './vod-messages.js';

/** A body that tries to do harm, and how it has to end. Each holds `marker`, which must show up in no log. */
export type HostileBody = {
  name: string;
  bytes: Buffer;
} & ({ mediaId: string } | { foreignType: string } | { code: DeadLetterCode });

export const marker = 'SPILLED';

const injection = `a 0\r\n\r\nPUB vod.event.${marker} 2\r\nhi\r\nPUB b`;

/** MediaIds that mean something to NATS, to a path, to a terminal or to JavaScript. */
export const hostileMediaIds: Readonly<Record<string, string>> = {
  'a full wildcard': '>',
  'a wildcard': '*',
  'wildcards in tokens': `${marker}.*.>`,
  'a dot': '.',
  'dots only': '...',
  'empty tokens': `.${marker}..x.`,
  'a space': `${marker} x`,
  'a tab': `${marker}\tx`,
  'a line feed': `${marker}\nx`,
  'a protocol line': injection,
  'a NUL': `${marker}\0x`,
  'an escape sequence': `\u001b[31m${marker}`,
  'a percent sign': `${marker}%0d%0a%`,
  'quotes and backslashes': `"${marker}'\\`,
  'the subject of an API of NATS': `$JS.API.STREAM.DELETE.${marker}`,
  'a path': `../../${marker}`,
  'a name of the prototype': '__proto__',
  'a method of objects': 'toString',
  'letters of several scripts': `媒体-${marker}-😀-Ж`,
  'a lone surrogate': `\ud800${marker}`,
  'almost 64 KB': marker.padEnd(60_000, 'x'),
  'almost 64 KB that are escaped': marker.padEnd(20_000, '>'),
};

const others: readonly HostileBody[] = [
  {
    name: 'a status of wildcards',
    mediaId: 'status',
    bytes: text(deletionBody({ MediaId: 'status', Status: '>.*' })),
  },
  {
    name: 'a type of dots',
    mediaId: 'type',
    bytes: text(deletionBody({ MediaId: 'type', MediaType: '..' })),
  },
  {
    name: 'a foreign type with a protocol line',
    foreignType: injection,
    bytes: text(foreignBody({ EventType: injection, VideoId: '>' })),
  },
  {
    name: 'a foreign type named __proto__',
    foreignType: '__proto__',
    bytes: text(foreignBody({ EventType: '__proto__' })),
  },
  {
    name: 'a key named __proto__',
    mediaId: 'proto-key',
    bytes: text(`{"__proto__":{"polluted":"${marker}"},${deletionBody({ MediaId: 'proto-key' }).slice(1)}`),
  },
  {
    name: 'an event inside of __proto__',
    code: 'not-a-vod-event',
    bytes: text(`{"__proto__":${deletionBody({ MediaId: marker })}}`),
  },
  {
    name: 'a key twice',
    mediaId: 'second',
    bytes: text(`{"MediaId":"${marker}",${deletionBody({ MediaId: 'second' }).slice(1)}`),
  },
  {
    name: 'the end of an XML body',
    mediaId: `</MessageBody></Message>]]><${marker}>`,
    bytes: text(deletionBody({ MediaId: `</MessageBody></Message>]]><${marker}>` })),
  },
  {
    name: 'carriage returns between tokens',
    mediaId: 'returns',
    bytes: text(
      JSON.stringify(JSON.parse(deletionBody({ MediaId: 'returns' })), null, 1).replaceAll('\n', '\r'),
    ),
  },
  { name: 'nothing', code: 'empty-body', bytes: text('') },
  { name: 'blanks', code: 'empty-body', bytes: text(' \r\n\t') },
  { name: 'null', code: 'not-an-object', bytes: text('null') },
  { name: 'a number beyond all', code: 'not-an-object', bytes: text('1e999999') },
  { name: 'half an event', code: 'not-json', bytes: text(deletionBody({ MediaId: marker }).slice(0, -2)) },
  { name: '64 KB of no JSON', code: 'not-json', bytes: text(marker.padEnd(65_536, '! ')) },
  { name: 'arrays 10,000 deep', code: 'too-deep', bytes: text('['.repeat(10_000) + ']'.repeat(10_000)) },
  {
    name: 'an event with objects 10,000 deep',
    code: 'too-deep',
    bytes: text(`{"x":${'{"x":'.repeat(10_000)}"${marker}"${'}'.repeat(10_000)},${deletionBody().slice(1)}`),
  },
  {
    name: 'a field of the wrong type',
    code: 'field-invalid',
    bytes: text(deletionBody({ MediaId: { toString: marker } })),
  },
  {
    name: 'an XML bomb',
    code: 'envelope-invalid',
    bytes: text(
      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "${marker}"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">` +
        '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Notification><Message>&c;&c;&c;</Message></Notification>',
    ),
  },
  {
    name: 'an external entity',
    code: 'envelope-invalid',
    bytes: text(
      `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/${marker}">]><Notification><Message>&f;</Message></Notification>`,
    ),
  },
  {
    name: 'XML 10,000 deep',
    code: 'envelope-invalid',
    bytes: text(`<Notification>${'<a>'.repeat(8_000)}${marker}${'</a>'.repeat(8_000)}</Notification>`),
  },
  {
    name: 'a notification in a notification',
    code: 'envelope-invalid',
    bytes: text(topicNotification(topicNotification(deletionBody({ MediaId: marker })))),
  },
  {
    name: 'bytes that are no UTF-8',
    code: 'body-not-utf8',
    bytes: Buffer.concat([text(marker), bytesFrom(0xff, 0xc0, 0x80)]),
  },
  {
    name: 'an event with a byte that is no UTF-8',
    code: 'body-not-utf8',
    bytes: Buffer.from(deletionBody({ MediaId: `${marker}\u00fc` }), 'latin1'),
  },
  {
    name: 'Base64 of bytes that are no UTF-8',
    code: 'base64-not-utf8',
    bytes: text(Buffer.concat([text(marker), bytesFrom(0xff, 0xfe)]).toString('base64')),
  },
  {
    name: 'characters that XML forbids',
    code: 'body-illegal-characters',
    bytes: text(`${marker}\u0001\u0000\u001f`),
  },
  {
    name: 'an event with a character that XML forbids',
    code: 'body-illegal-characters',
    bytes: text(deletionBody({ MediaId: `${marker}\uffff` }).replace('SPILLED', 'SPILLED\u0001')),
  },
];

export const hostileBodies: readonly HostileBody[] = [
  ...Object.entries(hostileMediaIds).map(([what, mediaId]) => ({
    name: `a MediaId of ${what}`,
    mediaId,
    bytes: text(deletionBody({ MediaId: mediaId })),
  })),
  ...others,
];

function text(body: string): Buffer {
  return Buffer.from(body, 'utf8');
}

function bytesFrom(...bytes: number[]): Buffer {
  return Buffer.from(bytes);
}
