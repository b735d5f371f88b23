import fc from 'fast-check';
import t from 'tap';
import { parseMnsXml, type MnsItem } from '../../../src/receive/mns-xml.js';

const message = (body: string, n = 1): string =>
  `<Message><MessageId>M${n}</MessageId><MessageBody>${body}</MessageBody><ReceiptHandle>R${n}</ReceiptHandle></Message>`;
const batch = (...bodies: string[]): string =>
  `<?xml version="1.0" ?>\n<Messages xmlns="http://mns.aliyuncs.com/doc/v1">\n  ${bodies
    .map((body, i) => message(body, i + 1))
    .join('\n  ')}\n</Messages>`;
const read = (xml: string | Buffer): MnsItem[] => parseMnsXml(Buffer.from(xml)).items;
const only = (xml: string | Buffer): MnsItem => {
  const [item, ...others] = read(xml);
  if (item === undefined || others.length > 0) throw new Error('not exactly one item');
  return item;
};
const bodyOf = (body: string): string | undefined => only(batch(body)).fields['MessageBody'];

t.test('a body arrives character for character', async (t) => {
  const rows: [name: string, xml: string, text: string][] = [
    ['empty', '', ''],
    ['CDATA', '<![CDATA[{"a":"<&>"}]]>', '{"a":"<&>"}'],
    ['CDATA between text', 'a<![CDATA[<b>]]>&amp;c', 'a<b>&c'],
    ['CDATA split where its end would be', '<![CDATA[a]]]]><![CDATA[>b]]>', 'a]]>b'],
    ['CDATA with what looks like the end tag', '<![CDATA[a</MessageBody>b]]>c', 'a</MessageBody>bc'],
    ['empty CDATA', '<![CDATA[]]>', ''],
    ['the five entities', '&lt;&gt;&amp;&quot;&apos;', '<>&"\''],
    ['escaped markup', '&lt;MessageBody&gt;&amp;amp;', '<MessageBody>&amp;'],
    ['numeric references', '&#65;&#x42;&#x1F600;&#9;&#10;&#13;', 'AB😀\t\n\r'],
    ['a reference to a C1 control', '&#133;', '\u0085'],
    ['emoji and multi-byte text', '媒体 🎬 é', '媒体 🎬 é'],
    ['CRLF, CR and LF', 'a\r\nb\rc\nd', 'a\r\nb\rc\nd'],
    ['blanks at both ends', ' \n a \t ', ' \n a \t '],
    ['nothing but blanks', '  \n', '  \n'],
    ['digits', '007', '007'],
    ['a lone ]]>', 'a ]]> b', 'a ]]> b'],
    ['a byte order mark', '\ufeff{}', '\ufeff{}'],
    ['a private character', 'a\ue000\rb', 'a\ue000\rb'],
    ['64 KB of entities', '&quot;'.repeat(65_536), '"'.repeat(65_536)],
  ];
  for (const [name, xml, text] of rows) {
    const item = only(batch(xml));
    t.equal(item.fields['MessageBody'], text, name);
    t.notOk(item.damaged, `${name}: not damaged`);
    t.equal(item.bodyBytes, undefined);
    t.equal(item.fields['ReceiptHandle'], 'R1');
  }
});

t.test('a body that XML cannot carry is damaged, kept as received, and costs no other message', async (t) => {
  const rows: [name: string, xml: string][] = [
    ['a reference to a control', '{"a":"&#1;&amp;"}'],
    ['a hexadecimal one', '&#x0;'],
    ['a reference to half a character', '&#xD800;'],
    ['a reference past Unicode', '&#x110000;'],
    ['a reference to a non-character', '&#65534;'],
    ['a raw control', 'a\u0001b'],
    ['an entity nobody declared', '&nbsp;'],
    ['a lone ampersand', 'a & b'],
    ['a lone angle bracket', 'a < b'],
    ['markup', 'a <b>bold</b> c'],
    ['an end tag that nothing opened', 'a </b> c'],
    ['a tag that nothing closes', 'a <b> c'],
    ['end tags of the answer itself', '</Message></Messages>'],
    ['CDATA that never ends', '<![CDATA[a'],
    ['a comment', '<!-- a -->'],
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]>&b;'],
    ['10,000 elements deep', '<a>'.repeat(10_000)],
    ['64 KB of CDATA starts', '<![CDATA['.repeat(7_000)],
  ];
  for (const [name, xml] of rows) {
    const others = Array.from({ length: 15 }, (_, i) => `{"n":${i}}`);
    const items = read(batch(...others.slice(0, 7), xml, ...others.slice(7)));
    t.equal(items.length, 16, name);
    const [damaged] = items.splice(7, 1);
    t.match(
      damaged,
      { damaged: true, fields: { MessageBody: xml, MessageId: 'M8', ReceiptHandle: 'R8' } },
      name,
    );
    t.same(
      items.map(({ fields, damaged }) => [fields['MessageBody'], damaged]),
      others.map((body) => [body, false]),
      `${name}: the other fifteen`,
    );
  }
});

t.test(
  'bytes that are not UTF-8 are handed over as they are, and the other messages as their text',
  async (t) => {
    const invalid = Buffer.from([0x7b, 0xff, 0xc3, 0x28, 0xe9, 0x0d, 0x0a, 0x7d]);
    const [start = '', middle = '', end = ''] = batch('{"t":"é媒🎬 &#233; &amp;"}', '@', '@').split('@');
    const xml = Buffer.concat([
      Buffer.from(start),
      invalid,
      Buffer.from(middle),
      Buffer.from([0xff]),
      Buffer.from('&#233;&#x5A92;&lt;'),
      Buffer.from(end),
    ]);
    const [whole, broken, mixed] = read(xml);
    t.match(whole, { damaged: false, fields: { MessageBody: '{"t":"é媒🎬 é &"}' } });
    t.equal(whole?.bodyBytes, undefined, 'a message that is UTF-8 needs no bytes');
    t.same(broken?.bodyBytes, invalid);
    t.equal(broken?.fields['ReceiptHandle'], 'R2');
    t.same(mixed?.bodyBytes, Buffer.concat([Buffer.from([0xff]), Buffer.from('é媒<')]));
  },
);

t.test('any bytes in any body leave the message around them and those beside it alone', async (t) => {
  const pieces = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '&',
      '&#1;',
      '&lt;',
      '<![CDATA[',
      ']]>',
      '</',
      '<a>',
      '</a>',
      '\r',
      '<!--',
      '&#xe9;',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.uint8Array({ maxLength: 4 }),
  );
  const hostile = fc
    .array(pieces, { maxLength: 12 })
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    .filter((bytes) => !bytes.includes('</MessageBody>'));
  fc.assert(
    fc.property(hostile, (bytes) => {
      const [start = '', end = ''] = batch('{"before":"é"}', '@', '{"after":"é"}').split('@');
      const items = read(Buffer.concat([Buffer.from(start), bytes, Buffer.from(end)]));
      const [before, itself, after] = items;
      return (
        items.length === 3 &&
        before?.fields['MessageBody'] === '{"before":"é"}' &&
        after?.fields['MessageBody'] === '{"after":"é"}' &&
        !before.damaged &&
        !after.bodyBytes &&
        itself?.fields['ReceiptHandle'] === 'R2'
      );
    }),
    { numRuns: 200 },
  );
  t.pass('200 bodies');
});

t.test('properties are read by name, and no name reaches a prototype', async (t) => {
  const property = (name: string, value: string): string =>
    `<PropertyValue><Name>${name}</Name><Value>${value}</Value><Type>STRING</Type></PropertyValue>`;
  const item =
    only(`<Messages><Message><__proto__>p</__proto__><UserProperties>${property('traceparent', '00-a&amp;b')}
    ${property('__proto__', 'polluted')}${property('constructor', 'c')}</UserProperties>
    <SystemProperties><SystemPropertyValue><Name>baggage</Name><Value></Value><Type>STRING</Type></SystemPropertyValue>
    </SystemProperties></Message></Messages>`);
  t.equal(item.properties['traceparent'], '00-a&b');
  t.equal(item.properties['baggage'], '');
  t.same(Object.keys(item.properties).sort(), ['__proto__', 'baggage', 'constructor', 'traceparent']);
  t.ok(Object.hasOwn(item.fields, '__proto__'), 'a field like any other');
  t.equal(Object.getPrototypeOf(item.fields), null);
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

t.test('the document around the bodies is judged strictly, and never quoted', async (t) => {
  const rows: [name: string, xml: string | Buffer, says: RegExp][] = [
    ['a DOCTYPE', `<!DOCTYPE Messages>${batch('a')}`, /DOCTYPE/],
    [
      'entities that multiply',
      '<!DOCTYPE a [<!ENTITY b "secret"><!ENTITY c "&b;&b;&b;">]><Messages>&c;</Messages>',
      /DOCTYPE/,
    ],
    ['elements nested deep', '<secret>'.repeat(10_000), /nested more than/],
    ['an unclosed root', '<Messages><Message>secret', /its end|\d+:\d+/],
    ['a body that never ends', '<Messages><Message><MessageBody>secret', /its end|\d+:\d+/],
    ['a second root', `${batch('secret')}<Messages/>`, /malformed XML at \d+:\d+/],
    [
      'an unknown entity outside a body',
      '<Error><Message>&secret;</Message></Error>',
      /malformed XML at \d+:\d+/,
    ],
    ['text before the root', `secret ${batch('a')}`, /malformed XML at \d+:\d+/],
    ['nothing', '', /its end|too early|\d+:\d+/],
  ];
  for (const [name, xml, says] of rows) {
    t.throws(() => parseMnsXml(Buffer.from(xml)), says, name);
    try {
      parseMnsXml(Buffer.from(xml));
    } catch (error) {
      t.notMatch(String(error), /secret/, `${name}: not quoted`);
    }
  }
});

t.test('an element is known by its depth: <Error> has a <Message>, and so has <Messages>', async (t) => {
  const error = parseMnsXml(Buffer.from('<Error><Code>A</Code><Message>b</Message></Error>'));
  t.match(error, { root: 'Error', items: [{ fields: { Code: 'A', Message: 'b' } }] });
  const single = parseMnsXml(Buffer.from(message('b')));
  t.match(single, { root: 'Message', items: [{ fields: { MessageId: 'M1', MessageBody: 'b' } }] });
  t.equal(bodyOf('b'), 'b');
  const selfClosed = only('<Message><MessageId>M</MessageId><MessageBody/></Message>');
  t.equal(selfClosed.fields['MessageBody'], '');
});
