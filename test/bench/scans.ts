import { hexDump, printable } from '../../src/commands/dead-letters/layout.js';
import { closest } from '../../src/config/read/closest.js';
import { decodeBody } from '../../src/decode/decode-body.js';
import { toCloudEvent } from '../../src/event/cloud-event.js';
import type { DeadLetter } from '../../src/event/dead-letter.js';
import { deadLetterPublication } from '../../src/nats/publish/publication.js';
import { firstMessageId } from '../../src/nats/publish/message-id.js';
import { bodyOfDamaged } from '../../src/receive/mns-messages.js';
import { parseMnsXml } from '../../src/receive/mns-xml.js';
import { deletion, deletionBody } from '../support/vod-messages.js';
import { print } from './print.js';

const sizes = [1, 2, 4];
const handle = '<MessageId>1</MessageId><ReceiptHandle>h</ReceiptHandle>';
const message = (rest: string): string => `<Message>${handle}${rest}</Message>`;
const body = (text: string): string => message(`<MessageBody>${text}</MessageBody>`);
const property = (text: string): string =>
  message(
    `<UserProperties><PropertyValue><Name>a</Name><Value>${text}</Value></PropertyValue></UserProperties>`,
  );
const answer = (inside: string): Buffer => Buffer.from(`<?xml version="1.0"?><Messages>${inside}</Messages>`);
const letter: DeadLetter = {
  queue: 'q',
  messageId: 'm',
  attempt: 1,
  enqueuedAtMs: 0,
  body: '',
  code: 'not-json',
  reason: '',
  at: '',
};
const origin = { region: 'cn-shanghai', account: '1', queue: 'q' };

/** `unit` again and again, up to `length` characters. */
function filled(unit: string, length: number): string {
  return unit.repeat(Math.ceil(length / unit.length));
}

/** Each scan over what somebody else wrote, and texts of a length that are the worst known for it. */
const scans: Readonly<Record<string, (length: number) => unknown>> = {
  'answer: lone ampersands': (n) => parseMnsXml(answer(body(filled('&', n)))),
  'answer: entities': (n) => parseMnsXml(answer(body(filled('&lt;', n)))),
  'answer: numeric references': (n) => parseMnsXml(answer(body(filled('&#9;', n)))),
  'answer: references, not UTF-8': (n) =>
    parseMnsXml(Buffer.from(answer(body(`\xff${filled('&#9;', n)}`)).toString(), 'latin1')),
  'answer: CDATA sections': (n) => parseMnsXml(answer(body(filled('<![CDATA[a]]>', n)))),
  'answer: sections that never end': (n) => parseMnsXml(answer(body(filled('<![CDATA[', n)))),
  'answer: entities in a property': (n) => parseMnsXml(answer(property(filled('&lt;', n)))),
  'answer: ampersands in a property': (n) => parseMnsXml(answer(property(filled('&', n)))),
  'answer: many properties': (n) => parseMnsXml(answer(message(filled('<a>b</a>', n)))),
  'answer: many small messages': (n) => parseMnsXml(answer(filled(body('b'), n))),
  'answer: messages without a handle': (n) => parseMnsXml(answer(filled('<Message></Message>', n))),
  'answer: ends of messages': (n) => parseMnsXml(answer(message(filled('</Message>', n)))),
  'answer: ends of lists': (n) => parseMnsXml(answer(message(filled('</Messages', n)))),
  'answer: blanks behind a message': (n) => parseMnsXml(answer(`${body('b')}${filled(' ', n)}x${body('b')}`)),
  'answer: bodies that never end': (n) => parseMnsXml(answer(message(filled('<MessageBody>', n)))),
  'answer: comments before it': (n) => parseMnsXml(Buffer.from(`${filled('<!---->', n)}<Messages/>`)),
  'answer: nested properties': (n) => parseMnsXml(answer(message(filled('<UserProperties>', n)))),
  'kept message: ampersands': (n) => bodyOfDamaged(Buffer.from(body(filled('&', n)))),
  'body: quotes': (n) => decodeBody(filled('"', n)),
  'body: escapes, cut off': (n) => decodeBody(`{"a":"${filled('\\n', n)}`),
  'body: opening brackets': (n) => decodeBody(filled('[', n)),
  'body: nearly Base64': (n) => decodeBody(`${filled('aaaa', n)}=a==`),
  'body: a string of strings': (n) => decodeBody(JSON.stringify(JSON.stringify(filled('"', n / 4)))),
  'body: many members': (n) => decodeBody(`{${filled('"a":1,', n)}"b":2}`),
  'body: a long MediaId': (n) => decodeBody(deletionBody({ MediaId: filled('é', n / 2) })),
  'body: XML of a topic': (n) => decodeBody(`<Notification>${filled('&lt;', n)}</Notification>`),
  'event: a foreign one with blanks': (n) => {
    const decoded = decodeBody(
      JSON.stringify({ ...deletion(), EventType: 'x', list: filled('1', n) }, null, 1),
    );
    return decoded.kind === 'event' ? toCloudEvent(decoded.event, origin, '2026-01-01T00:00:00Z', 'vod') : 0;
  },
  'event: characters to encode': (n) => {
    const decoded = decodeBody(deletionBody({ MediaId: filled('媒', n / 3), Status: filled('é', n / 3) }));
    return decoded.kind === 'event' ? toCloudEvent(decoded.event, origin, '2026-01-01T00:00:00Z', 'vod') : 0;
  },
  'dead letter: characters of a header': (n) =>
    deadLetterPublication('vod', { ...letter, reason: filled('é', n / 2) }),
  'dead letter: shown as bytes': (n) => hexDump(Buffer.from(filled('a', n))),
  'dead letter: shown as text': (n) => printable(filled('\u0001', n)),
  'stored message: an id tried again': (n) => firstMessageId(`${filled('@1', n)}x`),
  'config: a long key': (n) => closest(filled('a', n), ['servers', 'queues', 'credentials']),
};

/**
 * `npm run bench -- scans`: the time of every scan should grow as its text does, and block for less than a
 * second.
 */
export function benchScans(): void {
  print(`\nScans over texts of others, ms for ${sizes.join(', ')} MiB`);
  for (const [name, scan] of Object.entries(scans)) {
    const times = sizes.map((mebibytes) => {
      const fromMs = performance.now();
      try {
        scan(mebibytes * 1_048_576);
      } catch {
        // It refuses the text, which is as good.
      }
      return (performance.now() - fromMs).toFixed(0).padStart(6);
    });
    print(`${name.padEnd(36)} ${times.join(' ')}`);
  }
}
