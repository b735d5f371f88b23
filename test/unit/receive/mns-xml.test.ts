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

const property = (value: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('<UserProperties><PropertyValue><Name>a</Name><Value>'),
    Buffer.from(value),
    Buffer.from('</Value><Type>STRING</Type></PropertyValue></UserProperties>'),
  ]);
const element = (name: string, text: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(`<${name}>`), Buffer.from(text), Buffer.from(`</${name}>`)]);
/** A message of these elements, in the order of the wire. */
const withParts = (parts: Record<string, string | Buffer>): Buffer =>
  Buffer.concat([
    Buffer.from('<Message>'),
    ...Object.entries({
      MessageId: element('MessageId', 'M8'),
      MessageBody: element('MessageBody', '{"n":8}'),
      ReceiptHandle: element('ReceiptHandle', 'R8'),
      DequeueCount: element('DequeueCount', '3'),
      ...parts,
    }).map(([, part]) => Buffer.from(part)),
    Buffer.from('</Message>'),
  ]);
const others = Array.from({ length: 15 }, (_, i) => `{"n":"é${i} &lt;"}`);
/** Fifteen good messages around what stands for the eighth. */
const around = (hostile: Buffer): Buffer => {
  const [start = '', end = ''] = batch(...others.slice(0, 7), '@', ...others.slice(7)).split(message('@', 8));
  return Buffer.concat([Buffer.from(start), hostile, Buffer.from(end)]);
};
const good = (items: readonly MnsItem[]): unknown =>
  items
    .filter(({ fields }) => fields['MessageBody']?.startsWith('{"n":"é'))
    .map(({ fields, damaged, damage, bodyBytes }) => [
      fields['MessageBody'],
      Boolean(fields['ReceiptHandle']),
      damaged,
      damage,
      bodyBytes,
    ]);
const allGood = others.map((_, i) => [`{"n":"é${i} <"}`, true, false, undefined, undefined]);

t.test('whatever one message holds, in whatever field, costs no other message', async (t) => {
  const notUtf8 = Buffer.from([0x61, 0xff, 0xfe]);
  const rows: [name: string, hostile: Buffer, at: string, handle?: string | undefined][] = [
    ['a raw control in a property', withParts({ p: property('a\u0001b') }), 'UserProperties'],
    ['a reference to one', withParts({ p: property('&#1;') }), 'UserProperties'],
    ['a property that is not UTF-8', withParts({ p: property(notUtf8) }), 'UserProperties'],
    ['a non-character in a property', withParts({ p: property('\uffff') }), 'UserProperties'],
    ['an unknown entity in a property', withParts({ p: property('&nbsp;') }), 'UserProperties'],
    ['a lone ]]> in a property', withParts({ p: property('a ]]> b') }), 'UserProperties'],
    ['CDATA that never ends', withParts({ p: property('<![CDATA[a') }), 'UserProperties'],
    ['a comment that never ends', withParts({ p: property('<!-- a') }), 'UserProperties'],
    ['a tag that nothing closes', withParts({ p: property('<a>') }), 'UserProperties'],
    ['the end of a message', withParts({ p: property('</Message>') }), 'UserProperties'],
    ['two messages’ seam', withParts({ p: property('</Message><Message>') }), 'UserProperties'],
    [
      'a handle in a property',
      withParts({ p: property('<ReceiptHandle>R9</ReceiptHandle>\u0001') }),
      'UserProperties',
    ],
    ['elements nested deep', withParts({ p: property('<a>'.repeat(10_000)) }), 'UserProperties'],
    ['a control in an unknown element', withParts({ p: element('Secret', '\u0001') }), 'Message'],
    ['a control in the MD5', withParts({ p: element('MessageBodyMD5', '\u0001') }), 'MessageBodyMD5'],
    ['a control in a time', withParts({ p: element('EnqueueTime', '&#2;') }), 'EnqueueTime'],
    [
      'a control in the count',
      withParts({ DequeueCount: element('DequeueCount', '\u0001') }),
      'DequeueCount',
    ],
    ['a control in the id', withParts({ MessageId: element('MessageId', 'M\u0001') }), 'MessageId'],
    ['an id that is not UTF-8', withParts({ MessageId: element('MessageId', notUtf8) }), 'MessageId'],
    ['no id', withParts({ MessageId: '' }), 'MessageId'],
    ['64 KB of id', withParts({ MessageId: element('MessageId', 'M'.repeat(65_536)) }), 'MessageId'],
    ['two ids', withParts({ p: element('MessageId', 'M9') }), 'MessageId'],
    ['two bodies', withParts({ p: element('MessageBody', '{"n":9}') }), 'MessageBody'],
    ['markup in the id', withParts({ MessageId: element('MessageId', '<b>M</b>') }), 'MessageId'],
    [
      'a control in the handle',
      withParts({ ReceiptHandle: element('ReceiptHandle', 'R\u0001') }),
      'ReceiptHandle',
      undefined,
    ],
    ['no handle', withParts({ ReceiptHandle: '' }), 'ReceiptHandle', undefined],
    [
      'an end tag in the body',
      withParts({ MessageBody: element('MessageBody', 'a</MessageBody>b') }),
      'Message',
    ],
    ['a DOCTYPE', withParts({ p: '<!DOCTYPE a>' }), 'Message'],
  ];
  for (const [
    name,
    hostile,
    at,
    handle = rows.find((row) => row[0] === name)?.length === 4 ? undefined : 'R8',
  ] of rows) {
    const items = read(around(hostile));
    t.same(good(items), allGood, `${name}: the other fifteen`);
    t.equal(items.length, 16, `${name}: is one message`);
    const { damage, fields } = items[7] ?? {};
    t.equal(damage?.at, at, `${name}: where`);
    t.equal(fields?.['ReceiptHandle'], handle, `${name}: its handle`);
    const kept = damage?.xml.toString('latin1') ?? '';
    t.ok(kept.includes('{"n":8}') || name.includes('body'), `${name}: its bytes are kept`);
    t.notMatch(kept, 'R8', `${name}: its handle is not`);
  }
});

t.test('text that looks like the end of a message is part of its body, in CDATA or not', async (t) => {
  for (const text of ['</Message><Message>', '</Message></Messages>', '</Message>\n<Message/>']) {
    const section = withParts({ MessageBody: element('MessageBody', `<![CDATA[${text}]]>`) });
    const items = read(around(section));
    t.same(good(items), allGood);
    t.match(items[7], { damaged: false, fields: { MessageBody: text, ReceiptHandle: 'R8' } });
    t.equal(items[7]?.damage, undefined);
    const raw = withParts({ MessageBody: element('MessageBody', text) });
    t.same(good(read(around(raw))), allGood);
    t.match(read(around(raw))[7], { damaged: true, fields: { MessageBody: text, ReceiptHandle: 'R8' } });
  }
});

t.test('CDATA that never ends swallows no later message, though one has CDATA that does', async (t) => {
  const [start = '', end = ''] = batch('<![CDATA[a', '{"n":1}', '<![CDATA[{"n":2}]]>').split('@');
  const [first, ...rest] = read(start + end);
  t.match(first, { damaged: true, fields: { MessageBody: '<![CDATA[a', ReceiptHandle: 'R1' } });
  t.same(
    rest.map(({ fields }) => [fields['MessageBody'], fields['ReceiptHandle']]),
    [
      ['{"n":1}', 'R2'],
      ['{"n":2}', 'R3'],
    ],
  );
});

t.test('the work grows no faster than the answer', async (t) => {
  const sizes = 24_000_000;
  const section = '<![CDATA[a]]>';
  const body = only(batch(section.repeat(sizes / section.length))).fields['MessageBody'];
  t.equal(body?.length, Math.floor(sizes / section.length), 'a body of many CDATA sections');
  const empty = '<MessageBody></MessageBody>';
  const [item] = read(`<Messages><Message>${empty.repeat(sizes / empty.length)}</Message></Messages>`);
  t.equal(item?.damage?.at, 'MessageId', 'a message of many bodies');
});

t.test('any bytes in any field leave the other fifteen messages alone', async (t) => {
  const pieces = fc.oneof(
    fc.constantFrom(
      ...['<', '>', '&', '&#1;', '&lt;', '<![CDATA[', ']]>', '</', '<a>', '</a>', '<!--', '-->', '<?', '?>'],
      ...[
        '<Message>',
        '</Message>',
        '<Message/>',
        '</Messages>',
        '<MessageBody>',
        '</MessageBody>',
        '<lifted-body>',
      ],
      ...[
        '<UserProperties>',
        '</UserProperties>',
        '<Value>',
        '<ReceiptHandle>',
        '<!DOCTYPE a>',
        '\u0001',
        '\uffff',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.uint8Array({ maxLength: 3 }),
  );
  const text = fc
    .array(pieces, { maxLength: 8 })
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  const field = fc.constantFrom(
    'MessageId',
    'MessageBody',
    'ReceiptHandle',
    'DequeueCount',
    'EnqueueTime',
    'Other',
    'p',
  );
  fc.assert(
    fc.property(field, text, (name, bytes) => {
      const part = name === 'p' ? property(bytes) : element(name, bytes);
      return JSON.stringify(good(read(around(withParts({ [name]: part }))))) === JSON.stringify(allGood);
    }),
    { numRuns: 500 },
  );
  t.pass('500 messages');
});

t.test('properties are read by name, and no name reaches a prototype', async (t) => {
  const property = (name: string, value: string): string =>
    `<PropertyValue><Name>${name}</Name><Value>${value}</Value><Type>STRING</Type></PropertyValue>`;
  const item =
    only(`<Messages><Message><MessageId>M</MessageId><ReceiptHandle>R</ReceiptHandle><__proto__>p</__proto__><UserProperties>${property('traceparent', '00-a&amp;b')}
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
