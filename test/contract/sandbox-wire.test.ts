import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import t from 'tap';
import { SandboxControl } from '../../src/sandbox/control/control.js';
import { judgeSignature, type SignedRequest } from '../../src/sandbox/mns/signature.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { openSandbox, refused, startMs } from './open-sandbox-mns.js';
import { element, elements, rawCall } from '../support/raw-client.js';

/** The MessageBody of an answer as a strict XML parser sees it. */
function bodiesOf(xml: string): string[] {
  const bodies: string[] = [];
  let isInBody = false;
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name }) => {
    isInBody = name === 'MessageBody';
    if (isInBody) bodies.push('');
  });
  parser.on('closetag', () => (isInBody = false));
  parser.on('text', (text) => {
    if (isInBody) bodies.push((bodies.pop() ?? '') + text);
  });
  parser.write(Buffer.from(xml, 'latin1').toString('utf8')).close();
  return bodies;
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
  return text.replaceAll(/[&<>\r]/g, (sign) => entities[sign] ?? sign);
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex').toUpperCase();

t.test('a received batch has the headers and the XML of the service, to the letter', async (t) => {
  const { feed, receive, clock } = await openSandbox(t);
  const [id] = feed('batch-ack-1');
  clock.advance(4946);
  const answer = await receive('?numOfMessages=16');
  const handle = element(answer.body, 'ReceiptHandle');
  const requestId = answer.headers.get('x-mns-request-id') ?? '';
  t.match(requestId, /^[0-9A-F]{24}$/);
  t.match(id, /^[0-9A-F]{32}$/);
  t.match(handle, new RegExp(`^${id ?? ''}-[0-9A-Za-z]+={1,2}$`));
  t.same(
    answer.headerLines.filter((header) => !header.startsWith('Connection')),
    [
      'Content-Type: text/xml;charset=utf-8',
      'Server: AliyunMQS',
      'x-mns-version: 2015-06-06',
      `x-mns-request-id: ${requestId}`,
      'Date: Fri, 25 Sep 2026 01:27:53 GMT',
      'x-mns-response-format: xml',
      'x-mns-account-type: ',
      'x-mns-netty-total-time: 0',
      'x-mns-threadpool-wait-time: 0',
      `Content-Length: ${answer.body.length}`,
    ],
  );
  t.equal(
    answer.body,
    [
      '<?xml version="1.0" ?>',
      '<Messages xmlns="http://mns.aliyuncs.com/doc/v1">',
      '  <Message>',
      `    <MessageId>${id ?? ''}</MessageId>`,
      `    <MessageBodyMD5>${md5('batch-ack-1')}</MessageBodyMD5>`,
      '    <MessageBody>batch-ack-1</MessageBody>',
      `    <ReceiptHandle>${handle}</ReceiptHandle>`,
      `    <EnqueueTime>${startMs}</EnqueueTime>`,
      `    <FirstDequeueTime>${startMs + 4946}</FirstDequeueTime>`,
      `    <NextVisibleTime>${startMs + 34_946}</NextVisibleTime>`,
      '    <DequeueCount>1</DequeueCount>',
      '    <Priority>8</Priority>',
      '  </Message>',
      '</Messages>',
      '',
    ].join('\n'),
  );
});

t.test('an empty receive is an error document that names the request', async (t) => {
  const { receive, sandbox } = await openSandbox(t);
  const answer = await receive();
  t.equal(answer.status, 404);
  t.equal(
    answer.body,
    [
      '<?xml version="1.0" ?>',
      '<Error xmlns="http://mns.aliyuncs.com/doc/v1">',
      '  <Code>MessageNotExist</Code>',
      '  <Message>Message not exist.</Message>',
      `  <RequestId>${answer.headers.get('x-mns-request-id') ?? ''}</RequestId>`,
      `  <HostId>http://127.0.0.1:${sandbox.port}</HostId>`,
      '</Error>',
      '',
    ].join('\n'),
  );
});

t.test('signing vectors of the SDKs are accepted, and refused with the right code once altered', (t) => {
  const date = 'Tue, 03 Jun 2025 11:23:48 GMT';
  const v4Date = 'Tue, 03 Jun 2025 10:52:35 GMT';
  const v4 = (scope: string, signature: string) =>
    `MNS4-HMAC-SHA256 Credential=${scope}/mns/aliyun_v4_request,Signature=${signature}`;
  const query = new Map([
    ['param1', 'abc'],
    ['PARAM2', 'd  ef'],
    ['PARAM3', '[def]#bbb'],
    ['PARAM4', '中文参数'],
  ]);
  const extra = [...query].map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('');
  const vectors: [key: string, secret: string, request: SignedRequest][] = [
    [
      'ak1',
      'sk1',
      vector('POST', '/queues/TestQueue', date, 'MNS ak1:cAThPWnbphg3hDe3ZHDADTgkgyE=', {
        'x-mns-abcDEF': 'abcDEF',
      }),
    ],
    ['testAk', 'testSk', vector('GET', '/queues/TestQueue', date, 'MNS testAk:uDJQXbk2xOhH95MDXmgbAGdtyE4=')],
    [
      'testAk',
      'testSk',
      vector('POST', '/queues/Test Queue@123', date, 'MNS testAk:GZ/I9UgZsqvbzfzjd0GmA6VHOx4=', {
        'content-type': 'application/json',
      }),
    ],
    [
      'key',
      't5I8e',
      vector(
        'GET',
        '/queues/market-process-log/messages?waitseconds=30',
        'Wed, 08 Feb 2023 09:36:03 GMT',
        'MNS key:zVO3Buq0YfEW1yLI0SXOaO6guq8=',
        {
          'content-md5': 'ZDQxZDhjZDk4ZjAwYjIwNGU5ODAwOTk4ZWNmODQyN2U=',
          'content-type': 'application/xml',
          'x-mns-version': '2015-06-06',
        },
      ),
    ],
    [
      'ak1',
      'sk1',
      vector(
        'POST',
        `/queues/TestQueue?num=10&paramx=100${extra}`,
        v4Date,
        v4('ak1/20250603/region1', '8d555514e749185d3e6d68df416692e6cc960ba85a089c9d69a2f4d7bb607560'),
      ),
    ],
    [
      'testAk',
      'testSk',
      vector(
        'GET',
        '/',
        v4Date,
        v4('testAk/20250603/testRegion', '63f78964dcd1132bab91b9c38ceebdfb59509149b34874c5b2c9dfc2b12e7291'),
      ),
    ],
  ];
  for (const [accessKeyId, accessKeySecret, request] of vectors) {
    const atMs = Date.parse(String(request.headers['date']));
    const judge = (altered: Partial<SignedRequest>, nowMs = atMs, secret = accessKeySecret) =>
      judgeSignature({ ...request, ...altered }, [{ accessKeyId, accessKeySecret: secret }], nowMs);
    const headers = (changed: Record<string, string>) => ({ headers: { ...request.headers, ...changed } });
    t.equal(judge({}), undefined, `${request.method} ${request.target}`);
    t.equal(judge({ method: 'DELETE' }), 'SignatureDoesNotMatch');
    t.equal(judge({ target: `${request.target}x` }), 'SignatureDoesNotMatch');
    t.equal(judge(headers({ 'x-mns-user-request-id': '1' })), 'SignatureDoesNotMatch');
    t.equal(judge(headers({ 'content-type': 'text/html' })), 'SignatureDoesNotMatch');
    t.equal(judge({}, atMs, 'other'), 'SignatureDoesNotMatch');
    t.equal(judge({}, atMs + 15 * 60_000), undefined, 'a quarter of an hour is tolerated');
    t.equal(judge({}, atMs + 15 * 60_000 + 1), 'TimeExpired');
    t.equal(judge({}, atMs - 15 * 60_000 - 1), 'TimeExpired');
    t.equal(judge(headers({ date: 'soon' })), 'InvalidDateHeader');
    t.equal(judge(headers({ date: '' })), 'MissingDateHeader');
    t.equal(judge(headers({ authorization: '' })), 'MissingAuthorizationHeader');
    t.equal(judge(headers({ authorization: 'Bearer x' })), 'InvalidAuthorizationHeader');
    t.equal(judgeSignature(request, [], atMs), 'InvalidAccessKeyId');
  }
  t.end();

  function vector(
    method: string,
    target: string,
    date: string,
    authorization: string,
    headers = {},
  ): SignedRequest {
    return { method, target, headers: { date, authorization, ...headers } };
  }
});

t.test('who signs wrongly, late, or with a wrong digest or token is told so over HTTP', async (t) => {
  const { sandbox, call } = await openSandbox(t, {
    credentials: [
      {
        accessKeyId: 'key',
        accessKeySecret: 'secret',
        securityToken: 'token',
        expiresMs: startMs + 3_600_000,
      },
    ],
  });
  const target = '/queues/orders';
  const token = { 'security-token': 'token' };
  const date = new Date(startMs).toUTCString();
  t.equal((await call('GET', target, '', token)).status, 200);
  refused(t, await call('GET', target), 403, 'InvalidSecurityToken');
  refused(t, await call('GET', target, '', { 'security-token': 'old' }), 403, 'InvalidSecurityToken');
  const get = { method: 'GET', target, headers: token };
  refused(
    t,
    await rawCall(sandbox, { ...get, date, authorization: 'MNS key:bm8=' }),
    403,
    'SignatureDoesNotMatch',
  );
  refused(
    t,
    await rawCall(sandbox, { ...get, date, authorization: 'MNS who:bm8=' }),
    403,
    'InvalidAccessKeyId',
  );
  refused(t, await rawCall(sandbox, { ...get, date, authorization: '' }), 400, 'MissingAuthorizationHeader');
  const late = new Date(startMs - 901_000).toUTCString();
  refused(t, await rawCall(sandbox, { ...get, date: late }), 408, 'TimeExpired');
  refused(t, await rawCall(sandbox, { ...get, date: '' }), 400, 'MissingDateHeader');
  const body = '<Message><MessageBody>x</MessageBody></Message>';
  const send = (digest: string) =>
    call('POST', `${target}/messages`, body, { ...token, 'Content-MD5': digest });
  const hash = createHash('md5').update(body).digest();
  t.equal((await send(hash.toString('base64'))).status, 201);
  t.equal((await send(Buffer.from(hash.toString('hex')).toString('base64'))).status, 201);
  refused(t, await send(Buffer.from('wrong').toString('base64')), 400, 'InvalidDigest');
  refused(
    t,
    await call('GET', target, '', { ...token, 'x-mns-version': '2014' }),
    400,
    'InvalidVersionHeader',
  );
  refused(t, await call('GET', target, '', { ...token, Host: '99.mns.localhost' }), 403, 'AccessDenied');
  sandbox.actions.setCredentials([
    { accessKeyId: 'key', accessKeySecret: 'secret', securityToken: 'token', expiresMs: startMs },
  ]);
  refused(t, await call('GET', target, '', token), 403, 'SecurityTokenExpired');
});

t.test('any body that XML can carry survives send and receive byte for byte', async (t) => {
  const { call, receive, removeBatch } = await openSandbox(t);
  const legal = fc
    .string({ unit: 'binary' })
    .map((text) => text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/gu, '?'));
  const tricky = fc.constantFrom(
    '\r\n',
    '\r',
    '&amp;',
    ']]>',
    '<![CDATA[x]]>',
    '<Message>',
    ' \t\n',
    '\ufeff',
    '"\'',
    '🎬',
  );
  const body = fc.array(fc.oneof(legal, tricky), { maxLength: 8 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 16 }), async (bodies) => {
      const xml = bodies
        .map((text) => `<Message><MessageBody>${escape(text)}</MessageBody></Message>`)
        .join('');
      const sent = await call('POST', '/queues/orders/messages', `<Messages>${xml}</Messages>`);
      if (sent.status !== 201) throw new Error(sent.body);
      const received = await receive('?numOfMessages=16');
      const again = bodiesOf(received.body);
      if (JSON.stringify(again) !== JSON.stringify(bodies)) throw new Error(`${received.body} differs`);
      const removed = await removeBatch(...elements(received.body, 'ReceiptHandle'));
      if (removed.status !== 204) throw new Error(removed.body);
    }),
    { numRuns: 60 },
  );
  t.pass('all came back');
});

t.test(
  'bytes that XML cannot carry are emitted as servers do: references for controls, the rest as it is',
  async (t) => {
    const { sandbox, receive } = await openSandbox(t);
    const bytes = Buffer.from([0x00, 0x01, 0x41, 0x0b, 0x1f, 0x7f, 0xc3, 0x28, 0xff, 0xef, 0xbf, 0xbe, 0x0d]);
    sandbox.actions.feed('orders', [{ bodyBase64: bytes.toString('base64') }]);
    const body = element((await receive()).body, 'MessageBody');
    t.equal(body, '&#0;&#1;A&#11;&#31;\x7f\xc3(\xff&#65534;&#13;');
    t.same(
      sandbox.actions.remaining('orders').map(({ bodyBase64 }) => bodyBase64),
      [bytes.toString('base64')],
    );
  },
);

t.test('properties pass through and count for the MD5, which then is not that of the body', async (t) => {
  const { call, receive } = await openSandbox(t);
  const property = (name: string, value: string) =>
    `<PropertyValue><Name>${name}</Name><Value>${value}</Value><Type>STRING</Type></PropertyValue>`;
  const sent = await call(
    'POST',
    '/queues/orders/messages',
    `<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageBody>x</MessageBody><Priority>1</Priority><UserProperties>${property('batch', 'a&amp;b')}</UserProperties>` +
      '<SystemProperties><SystemPropertyValue><Name>traceparent</Name><Value>00-1</Value><Type>STRING</Type></SystemPropertyValue></SystemProperties></Message>',
  );
  t.equal(sent.status, 201);
  t.not(element(sent.body, 'MessageBodyMD5'), md5('x'));
  const { body } = await receive();
  t.match(
    body,
    /<Priority>1<\/Priority>\n  <UserProperties>\n    <PropertyValue>\n      <Name>batch<\/Name>\n      <Value>a&amp;b</,
  );
  t.match(body, /<SystemPropertyValue>\s*<Name>traceparent<\/Name>\s*<Value>00-1</);
  const bad = `<Message><MessageBody>x</MessageBody><UserProperties>${property('.bad', '1')}</UserProperties></Message>`;
  refused(t, await call('POST', '/queues/orders/messages', bad), 400, 'InvalidArgument');
});

t.test('sizes, shapes and URLs outside the limits are refused', async (t) => {
  const { call, sandbox } = await openSandbox(t);
  const message = (body: string) => `<Message><MessageBody>${body}</MessageBody></Message>`;
  const send = (xml: string) => call('POST', '/queues/orders/messages', xml);
  t.equal((await send(message('x'.repeat(65_536)))).status, 201);
  t.equal((await send(message('&lt;'.repeat(65_536)))).status, 201, 'counted as sent, not as escaped');
  refused(t, await send(message('x'.repeat(65_537))), 400, 'InvalidArgument');
  const half = message('x'.repeat(32_769));
  refused(t, await send(`<Messages>${half}${half}</Messages>`), 400, 'InvalidArgument');
  refused(t, await send(`<Messages>${message('x').repeat(17)}</Messages>`), 400, 'InvalidArgument');
  for (const xml of [
    message('a < b'),
    message('<b>x</b>'),
    message('&#1;'),
    message('&unknown;'),
    '<Message/>',
    '<Other/>',
    '',
    `<!DOCTYPE x [<!ENTITY e "x">]>${message('&e;')}`,
    '<a>'.repeat(2000),
  ]) {
    refused(t, await send(xml), 400, 'MalformedXML');
  }
  refused(t, await call('GET', '/queues/nowhere/messages'), 404, 'QueueNotExist');
  refused(t, await call('GET', '//queues/orders'), 400, 'InvalidRequestURL');
  refused(t, await call('PATCH', '/queues/orders'), 400, 'InvalidRequestURL');
  refused(t, await call('GET', '/topics/x'), 400, 'InvalidRequestURL');
  refused(t, await call('GET', '/queues/orders/messages?x=%zz'), 400, 'InvalidQueryString');
  t.equal(sandbox.actions.state().requests['Unknown']?.['400'], 4);
});

t.test('a batch is told by its root, whatever stands before it', async (t) => {
  const { call, sandbox } = await openSandbox(t);
  const batch = '<Messages><Message><MessageBody>x</MessageBody></Message></Messages>';
  for (const before of [
    '',
    '\ufeff',
    '\ufeff<?xml version="1.0" encoding="utf-8"?>\n',
    '<!-- <Message> -->',
  ]) {
    const sent = await call('POST', '/queues/orders/messages', before + batch);
    t.match([sent.status, sent.body], [201, /<Messages/], JSON.stringify(before));
  }
  t.same(sandbox.actions.state().requests, { BatchSend: { 201: 4 } });
});

t.test(
  'queues are created, changed, listed by page and deleted with the statuses of the service',
  async (t) => {
    const { call, sandbox } = await openSandbox(t);
    const attributes = (xml: string) => `<Queue xmlns="http://mns.aliyuncs.com/doc/v1/">${xml}</Queue>`;
    const created = await call('PUT', '/queues/new', attributes('<VisibilityTimeout>60</VisibilityTimeout>'));
    t.equal(created.status, 201);
    t.equal(created.headers.get('location'), `${sandbox.url}/queues/new`);
    const same = await call('PUT', '/queues/new', attributes('<VisibilityTimeout>60</VisibilityTimeout>'));
    t.equal(same.status, 204);
    t.equal(same.headers.get('location'), `${sandbox.url}/queues/new`);
    t.equal(same.body, '');
    refused(t, await call('PUT', '/queues/new', attributes('')), 409, 'QueueAlreadyExist');
    refused(t, await call('PUT', '/queues/-new'), 400, 'InvalidQueueName');
    refused(t, await call('PUT', `/queues/${'q'.repeat(121)}`), 400, 'QueueNameLengthError');
    const tooLong = attributes('<VisibilityTimeout>43201</VisibilityTimeout>');
    const refusal = await call('PUT', '/queues/newer', tooLong);
    refused(t, refusal, 400, 'InvalidArgument');
    t.match(
      element(refusal.body, 'Message'),
      'The value of VisibilityTimeout should between 1 and 43200 seconds.',
    );
    const override = attributes('<DelaySeconds>5</DelaySeconds><LoggingEnabled>true</LoggingEnabled>');
    t.equal((await call('PUT', '/queues/new?metaoverride=true', override)).status, 204);
    refused(t, await call('PUT', '/queues/none?metaoverride=true', override), 404, 'QueueNotExist');
    t.equal(
      (await call('GET', '/queues/new')).body,
      '<?xml version="1.0" ?>\n<Queue xmlns="http://mns.aliyuncs.com/doc/v1">\n' +
        `  <ActiveMessages>0</ActiveMessages>\n  <CreateTime>${startMs / 1000}</CreateTime>\n` +
        '  <DelayMessages>0</DelayMessages>\n  <DelaySeconds>5</DelaySeconds>\n  <EnableSSE>False</EnableSSE>\n' +
        `  <InactiveMessages>0</InactiveMessages>\n  <LastModifyTime>${startMs / 1000}</LastModifyTime>\n` +
        '  <LoggingEnabled>True</LoggingEnabled>\n  <MaximumMessageSize>65536</MaximumMessageSize>\n' +
        '  <MessageRetentionPeriod>345600</MessageRetentionPeriod>\n  <MessageType>0</MessageType>\n' +
        '  <PollingWaitSeconds>0</PollingWaitSeconds>\n  <QueueName>new</QueueName>\n' +
        '  <VisibilityTimeout>60</VisibilityTimeout>\n</Queue>\n',
    );
    for (const name of ['page-1', 'page-2', 'page-3']) await call('PUT', `/queues/${name}`);
    const page = await call('GET', '/queues', '', { 'x-mns-prefix': 'page', 'x-mns-ret-number': '2' });
    t.same(elements(page.body, 'QueueURL'), [`${sandbox.url}/queues/page-1`, `${sandbox.url}/queues/page-2`]);
    const marker = element(page.body, 'NextMarker');
    const rest = await call('GET', '/queues', '', {
      'x-mns-marker': marker,
      'x-mns-prefix': 'page',
      'x-mns-with-meta': 'true',
    });
    t.same(elements(rest.body, 'QueueName'), ['page-3']);
    t.equal(element(rest.body, 'NextMarker'), '');
    refused(t, await call('GET', '/queues', '', { 'x-mns-ret-number': '1001' }), 400, 'InvalidArgument');
    t.equal((await call('DELETE', '/queues/new')).status, 204);
    refused(t, await call('GET', '/queues/new'), 404, 'QueueNotExist');
  },
);

t.test('the control endpoint does over HTTP what the actions do in process', async (t) => {
  const { sandbox, receive, remove, change } = await openSandbox(t);
  const control = new SandboxControl(`${sandbox.url}/`);
  t.same(await control.health(), { status: 'ok', accountId: sandbox.accountId, seed: 7 });
  await control.createQueue({ name: 'fast', visibilityMs: 50 });
  const ids = await control.feed(
    'orders',
    Array.from({ length: 10_000 }, (_, index) => ({ body: `{"n":${index}}` })),
  );
  t.equal(new Set(ids).size, 10_000);
  const [kept = '', gone = ''] = elements((await receive('?numOfMessages=2')).body, 'ReceiptHandle');
  await change(kept, 1);
  await remove(gone);
  const { queues } = await control.state();
  t.match(queues['orders'], {
    sent: 10_000,
    received: 2,
    deleted: 1,
    released: 1,
    active: 9998,
    inactive: 1,
    undeleted: 1,
  });
  t.match(queues['orders']?.requests, {
    BatchReceive: { 200: 1 },
    ChangeVisibility: { 200: 1 },
    Delete: { 204: 1 },
  });
  t.match(await control.history('orders', ids[0]), [{ deliveries: 1, releases: 1, end: null }]);
  t.match(await control.history('orders', ids[1]), [{ deliveries: 1, end: 'deleted', endMs: startMs }]);
  t.same(await control.history('orders', 'none'), []);
  t.equal((await control.remaining('orders')).length, 9999);
  await control.setFaults([{ kind: '500', count: 1 }]);
  t.equal((await receive()).status, 500);
  t.same((await control.state()).faults, [{ rule: { kind: '500', count: 1 }, struck: 1 }]);
  await control.clearFaults();
  await control.setCredentials([{ accessKeyId: 'other', accessKeySecret: 'x' }]);
  refused(t, await receive(), 403, 'InvalidAccessKeyId');
  await control.deleteQueue('fast');
  await control.reset();
  t.same((await control.state()).queues, {});
  await t.rejects(control.feed('none', []), { message: 'Sandbox: There is no queue none' });
  await t.rejects(control.setFaults([{ kind: 'flood' } as never]), {
    message: 'Sandbox: There is no fault kind flood',
  });
});

t.test('the sandbox listens on loopback only, unless told', async (t) => {
  await t.rejects(startSandbox({ host: '0.0.0.0' }), { message: /loopback only/ });
  const wide = await startSandbox({ host: '0.0.0.0', allowRemote: true });
  await wide.close();
});
