import { createHash, createHmac } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import t, { type Test } from 'tap';
import { VodClient, type VodClientOptions } from '../../src/follow-up/vod-client.js';
import { VodError } from '../../src/follow-up/vod-error.js';
import { CredentialsCache } from '../../src/aliyun/credentials.js';
import { systemClock } from '../../src/time.js';
import { manualClock } from '../support/manual-clock.js';
import { createAuthority } from '../support/certificates.js';
import { until } from '../support/until.js';
import { never } from './mns-sandbox.js';
import { answers, requestId, success, type Answer, type Expected } from './vod-answers.js';
import { startResettingServer } from './wire-server.js';

const key = {
  accessKeyId: 'STS.SECRETKEYID',
  accessKeySecret: 'SECRET-ACCESS-KEY-SECRET',
  securityToken: `CAIS/SECRET+TOKEN=${'t0k/'.repeat(30)}`,
};

const operations = {
  GetVideoInfo: (client: VodClient, signal = never) => client.getVideoInfo('media-1', signal),
  DeleteMultipartUpload: (client: VodClient, signal = never) =>
    client.deleteMultipartUpload('media-1', signal),
};
type Operation = keyof typeof operations;

/** So long that only the clock of the test, or an abort, can end the call. */
const anHourMs = 3_600_000;

/** A source of credentials that does not answer. */
const silentProvider = () => ({ getCredential: () => new Promise<never>(() => undefined) });

const results: Record<Operation, object> = {
  GetVideoInfo: {
    status: 'Uploading',
    createdMs: Date.parse('2017-11-14T09:15:50Z'),
    modifiedMs: Date.parse('2017-11-14T10:15:50Z'),
    requestId,
  },
  DeleteMultipartUpload: { requestId },
};

const succeed: RequestListener = (_request, response) => response.end(JSON.stringify(success));

/** Puts a server on a port of this machine, until the test ends. */
async function listen(test: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

/** A VOD that answers as it is told, and what it was asked. */
async function startVod(test: Test, answer: RequestListener) {
  const requests: IncomingMessage[] = [];
  const seen = { requests, connections: 0 };
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', () => seen.connections++);
  return Object.assign(seen, { endpoint: `http://127.0.0.1:${await listen(test, server)}` });
}

function open(test: Test, endpoint: string, options: Partial<VodClientOptions> = {}): VodClient {
  const credentials = new CredentialsCache(() => ({ getCredential: async () => key }), systemClock);
  const client = new VodClient({ endpoint, credentials, clock: systemClock, ...options });
  test.teardown(() => client.close());
  return client;
}

async function errorOf(call: Promise<unknown>): Promise<VodError> {
  const error = await call.then(
    (value: unknown) => new Error(`resolved with ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof VodError)) throw new Error('not a VodError', { cause: error });
  return error;
}

/** Every way in which an error may be printed. */
function printed(error: VodError): string {
  return `${inspect(error, { depth: Infinity, showHidden: true })} ${JSON.stringify(error)} ${error.stack ?? ''}`;
}

function secretsIn(text: string, requests: readonly IncomingMessage[]): string[] {
  const sent = requests.flatMap(({ headers }) => [
    String(headers.authorization),
    /Signature=(\w+)/.exec(String(headers.authorization))?.[1] ?? 'no signature',
  ]);
  const pieces = [
    /STS\.SECRET/i,
    /SECRET-ACCESS/i,
    /CAIS/i,
    /SECRET.{1,3}TOKEN/i,
    /(?:t0k.{1,3}){2}/i,
    /\/\?(?:Media|Video)Id/,
  ];
  const encoded = [0, 1, 2].map((n) =>
    Buffer.from(`${'x'.repeat(n)}CAIS/SECRET`)
      .toString('base64')
      .slice(4, 12),
  );
  return [
    ...[...sent, ...encoded].filter((secret) => text.includes(secret)),
    ...pieces.filter((piece) => piece.test(text)).map(String),
  ];
}

// Rows with a deadline wait; the two operations wait side by side.
t.jobs = 2;

t.test('the table has one row for every answer', async (t) => {
  t.equal(answers.length, 42 * 3 - 1 + 32);
  t.equal(new Set(answers.map(({ name }) => name)).size, answers.length, 'no answer is there twice');
});

for (const operation of Object.keys(operations) as Operation[]) {
  t.test(`${operation} gives the result or a typed error for every answer`, async (t) => {
    let answer: RequestListener = succeed;
    const vod = await startVod(t, (request, response) => {
      answer(request, response);
    });
    const clients = {
      patient: open(t, vod.endpoint),
      hasty: open(t, vod.endpoint, { answerWithinMs: 2_000 }),
    };
    for (const row of answers) {
      vod.requests.length = 0;
      let client = row.silent ? clients.hasty : clients.patient;
      if (typeof row.sends === 'function') answer = row.sends;
      else client = open(t, await startResettingServer(t, row.sends.thenReset));
      const [result] = await Promise.allSettled([operations[operation](client)]);
      t.same(outcomeOf(result, operation, vod.requests), wantedOf(row, operation), row.name);
    }
  });
}

function wantedOf({ expected, sends, requests = 1 }: Answer, operation: Operation): object {
  const seen = typeof sends === 'function' ? requests : 0;
  if (expected === 'result') return { requests: seen, gives: results[operation] };
  return { requests: seen, error: expected, operation, advises: true, secrets: [] };
}

function outcomeOf(
  result: PromiseSettledResult<unknown>,
  operation: Operation,
  requests: readonly IncomingMessage[],
): object {
  if (result.status === 'fulfilled') return { requests: requests.length, gives: result.value };
  const error: unknown = result.reason;
  if (!(error instanceof VodError)) return { untyped: error };
  const { code, kind, status, advice } = error;
  const told: Expected = { code, kind, status, requestId: error.requestId };
  return {
    requests: requests.length,
    error: told,
    operation:
      error.operation === operation && error.message.startsWith(operation) ? operation : error.message,
    advises: /\S{2,} \S{2,}/.test(advice) && !/[{}]/.test(advice),
    secrets: secretsIn(printed(error), requests),
  };
}

t.test('a request is as the wire wants it, and its signature holds', async (t) => {
  const vod = await startVod(t, succeed);
  const clock = { ...systemClock, now: () => Date.parse('2026-11-20T08:00:00.999Z') };
  const client = open(t, vod.endpoint, { clock });
  await operations.GetVideoInfo(client);
  for (const mediaId of ['media-1', "a b*~!'()+/=中&%2F?#\r\n🎬", '']) {
    await client.deleteMultipartUpload(mediaId, never);
    const { searchParams } = new URL(vod.requests.at(-1)?.url ?? '', vod.endpoint);
    t.same(
      [...searchParams],
      [
        ['MediaId', mediaId],
        ['MediaType', 'video'],
      ],
    );
  }
  t.equal(vod.requests[0]?.url, '/?VideoId=media-1');
  for (const [n, request] of vod.requests.entries()) {
    t.equal(request.method, 'POST');
    t.match(request.headers, {
      'content-length': '0',
      host: vod.endpoint.slice('http://'.length),
      accept: 'application/json',
      'x-acs-action': n === 0 ? 'GetVideoInfo' : 'DeleteMultipartUpload',
      'x-acs-version': '2017-03-21',
      'x-acs-date': '2026-11-20T08:00:00Z',
      'x-acs-content-sha256': createHash('sha256').digest('hex'),
      'x-acs-accesskey-id': key.accessKeyId,
      'x-acs-security-token': key.securityToken,
    });
    t.ok(isSigned(request, key.accessKeySecret), `request ${n}`);
    t.notOk(isSigned(request, 'another secret'));
  }
});

/** Written from the documentation, apart from the client: what a gateway does with a request of ours. */
function isSigned({ method, url = '', headers }: IncomingMessage, secret: string): boolean {
  const [, names = '', signature] =
    /SignedHeaders=([^,]+),Signature=(.+)$/.exec(headers.authorization ?? '') ?? [];
  const all = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-acs-'));
  if (all.sort().join(';') !== names) return false;
  const lines = names.split(';').map((name) => `${name}:${String(headers[name])}\n`);
  const [path, query] = url.split('?');
  const canonical = [method, path, query, lines.join(''), names, createHash('sha256').digest('hex')].join(
    '\n',
  );
  const toSign = `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`;
  return createHmac('sha256', secret).update(toSign).digest('hex') === signature;
}

t.test('calls in a row keep to their connection, errors among them', async (t) => {
  let n = 0;
  const vod = await startVod(t, (request, response) => {
    if (n++ % 2 === 0) succeed(request, response);
    else response.writeHead(400).end('{"Code":"InvalidVideo.NotFound"}');
  });
  const client = open(t, vod.endpoint);
  for (let call = 0; call < 20; call++) {
    await operations.GetVideoInfo(client).catch(() => undefined);
    await operations.DeleteMultipartUpload(client).catch(() => undefined);
  }
  t.equal(vod.requests.length, 40);
  // A call made right when the one before ends may open the second.
  t.ok(vod.connections <= 2, `${vod.connections} connections`);
});

t.test('every request has a nonce and a signature of its own', async (t) => {
  const vod = await startVod(t, (_request, response) =>
    response.writeHead(400).end('{"Code":"InvalidAccessKeyId.NotFound"}'),
  );
  const client = open(t, vod.endpoint);
  for (let call = 0; call < 10; call++) await errorOf(operations.DeleteMultipartUpload(client));
  const nonces = vod.requests.map(({ headers }) => headers['x-acs-signature-nonce']);
  t.equal(new Set(nonces).size, 20, 'the second try of a call too');
  t.equal(new Set(vod.requests.map(({ headers }) => headers.authorization)).size, 20);
});

t.test('refused credentials are replaced, and the call is tried once more', async (t) => {
  const sts = (n: number) => ({ ...key, securityToken: `token-${n}` });
  const setup = async (accepts: string) => {
    const vod = await startVod(t, (request, response) => {
      if (request.headers['x-acs-security-token'] === accepts) succeed(request, response);
      else response.writeHead(400).end('{"Code":"InvalidSecurityToken.Expired","RequestId":"R-1"}');
    });
    let made = 0;
    const credentials = new CredentialsCache(() => {
      const mine = sts(++made);
      return { getCredential: async () => mine };
    }, systemClock);
    return { vod, client: open(t, vod.endpoint, { credentials }), made: () => made };
  };

  await t.test('a fresh set that is accepted serves this call and the next', async (t) => {
    const { vod, client, made } = await setup('token-2');
    t.same(await operations.DeleteMultipartUpload(client), { requestId });
    t.same(await operations.DeleteMultipartUpload(client), { requestId });
    t.equal(vod.requests.length, 3);
    t.equal(made(), 2);
  });

  await t.test('a fresh set that is refused ends the call, and the next one asks again', async (t) => {
    const { vod, client, made } = await setup('token-3');
    t.match(await errorOf(operations.DeleteMultipartUpload(client)), {
      code: 'InvalidSecurityToken.Expired',
      kind: 'credentials',
      requestId: 'R-1',
    });
    t.equal(vod.requests.length, 2);
    t.same(await operations.DeleteMultipartUpload(client), { requestId });
    t.equal(made(), 3);
  });

  await t.test('a source that fails ends the call without a request, and tells no secret', async (t) => {
    const vod = await startVod(t, succeed);
    const leaks = [
      `get sts token failed: {"AccessKeyId":"${key.accessKeyId}","AccessKeySecret":"${key.accessKeySecret}","Security`,
      `unmarshal fail: { AccessKeySecret: '${key.accessKeySecret}', SecurityToken: '${key.securityToken}' }`,
      `connect ECONNREFUSED GET https://sts/?Signature=x&SecurityToken=${key.securityToken} failed`,
    ];
    for (const leak of leaks) {
      const credentials = new CredentialsCache(
        () => ({ getCredential: () => Promise.reject(new Error(leak, { cause: key })) }),
        systemClock,
      );
      const error = await errorOf(operations.GetVideoInfo(open(t, vod.endpoint, { credentials })));
      t.match(error, {
        code: 'NoCredentials',
        kind: 'credentials',
        status: undefined,
        advice: /credentials/,
      });
      t.match(error.message, /failed|fail:/, 'but what went wrong');
      t.same(secretsIn(printed(error), []), []);
    }
    t.equal(vod.requests.length, 0);
  });
});

t.test('credentials without a token are an access key alone', async (t) => {
  const vod = await startVod(t, succeed);
  const { accessKeyId, accessKeySecret } = key;
  const provider = { getCredential: async () => ({ accessKeyId, accessKeySecret }) };
  const credentials = new CredentialsCache(() => provider, systemClock);
  await operations.GetVideoInfo(open(t, vod.endpoint, { credentials }));
  const [request] = vod.requests;
  t.ok(request && isSigned(request, accessKeySecret));
  t.notOk(request?.headers['x-acs-security-token'] ?? request?.headers['x-acs-accesskey-id']);
});

t.test('one deadline on the clock holds for the call as a whole', async (t) => {
  const phases: Record<string, RequestListener> = {
    'before the headers': () => undefined,
    'in the body': (_request, response) => response.write('{'),
  };
  for (const [phase, answer] of Object.entries(phases)) {
    const vod = await startVod(t, answer);
    const clock = manualClock(0);
    const client = open(t, vod.endpoint, { clock, answerWithinMs: 10_000 });
    let isSettled = false;
    const error = errorOf(operations.DeleteMultipartUpload(client)).finally(() => {
      isSettled = true;
    });
    await until(() => vod.requests.length === 1, { what: 'the request is there', everyMs: 1 });
    clock.advance(9_999);
    t.match(
      await operations.GetVideoInfo(open(t, (await startVod(t, succeed)).endpoint)),
      results.GetVideoInfo,
    );
    t.equal(isSettled, false, `${phase}: not early`);
    clock.advance(1);
    t.match(await error, { code: 'TimedOut', kind: 'retry', message: /no answer within 10000 ms/ }, phase);
  }

  const mute = createTcpServer();
  const connecting = manualClock(0);
  const endpoint = `https://127.0.0.1:${await listen(t, mute)}`;
  const unconnected = open(t, endpoint, { clock: connecting, answerWithinMs: anHourMs });
  const late = errorOf(operations.GetVideoInfo(unconnected));
  await once(mute, 'connection');
  connecting.advance(anHourMs);
  t.match(await late, { code: 'TimedOut', message: /no answer within 3600000 ms/ }, 'before a connection');

  const clock = manualClock(0);
  const credentials = new CredentialsCache(silentProvider, manualClock(0));
  const client = open(t, 'http://127.0.0.1:1', { clock, credentials, answerWithinMs: 500 });
  const error = errorOf(operations.GetVideoInfo(client));
  clock.advance(500);
  t.match(
    await error,
    { code: 'NoCredentials', message: /no answer within 500 ms/ },
    'a wait for credentials',
  );
});

t.test('an abort ends a call wherever it is, with the reason of its signal', async (t) => {
  const reason = new Error('leaving');
  const endOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);
  const waiting = await startVod(t, () => undefined);
  const dripping = await startVod(t, (_request, response) => response.write('{'));
  for (const vod of [waiting, dripping]) {
    const leaving = new AbortController();
    const client = open(t, vod.endpoint);
    const left = endOf(operations.DeleteMultipartUpload(client, leaving.signal));
    await until(() => vod.requests.length === 1, { what: 'the request is there', everyMs: 1 });
    leaving.abort(reason);
    t.equal(await left, reason);
    await until(() => vod.requests[0]?.destroyed, { what: 'the server sees the close', everyMs: 1 });
    t.equal(getEventListeners(leaving.signal, 'abort').length, 0, 'no listener is left');
    const next = operations.DeleteMultipartUpload(client, leaving.signal);
    t.equal(await endOf(next), reason, 'nor does one begin');
    t.equal(vod.requests.length, 1);
  }

  const asking = new AbortController();
  const credentials = new CredentialsCache(silentProvider, manualClock(0));
  const asked = endOf(operations.GetVideoInfo(open(t, waiting.endpoint, { credentials }), asking.signal));
  asking.abort(reason);
  t.equal(await asked, reason, 'while it waits for credentials');

  const connecting = new AbortController();
  const mute = createTcpServer();
  const endpoint = `https://127.0.0.1:${await listen(t, mute)}`;
  const client = open(t, endpoint, { answerWithinMs: anHourMs });
  const cut = endOf(operations.GetVideoInfo(client, connecting.signal));
  await once(mute, 'connection');
  connecting.abort(reason);
  t.equal(await cut, reason, 'while it waits for a connection');
});

t.test('a thousand calls on one signal leave no listener and no timer', async (t) => {
  const vod = await startVod(t, succeed);
  const { signal } = new AbortController();
  let timers = 0;
  const clock = {
    ...systemClock,
    after: (delayMs: number, run: () => void) => {
      timers++;
      const cancel = systemClock.after(delayMs, run);
      return () => {
        timers--;
        cancel();
      };
    },
  };
  const client = open(t, vod.endpoint, { clock });
  for (let n = 0; n < 1_000; n++) await operations.GetVideoInfo(client, signal);
  t.equal(getEventListeners(signal, 'abort').length, 0);
  t.equal(timers, 0);
});

t.test('a connection that does not come about is a failed one', async (t) => {
  const certificate = createAuthority('nobody trusts this').issue('vod');
  const tls = createTlsServer(certificate, succeed);
  const plain = await startVod(t, succeed);
  const mute = createTcpServer();
  const rows: [what: string, endpoint: string, code: string][] = [
    ['refused', 'http://127.0.0.1:1', 'ConnectionFailed'],
    ['refused at every address', 'http://localhost:1', 'ConnectionFailed'],
    ['refused with TLS', 'https://127.0.0.1:1', 'ConnectionFailed'],
    ['a certificate that nobody trusts', `https://127.0.0.1:${await listen(t, tls)}`, 'ConnectionFailed'],
    ['no TLS where TLS is asked for', plain.endpoint.replace('http', 'https'), 'ConnectionFailed'],
    ['a TLS handshake without an answer', `https://127.0.0.1:${await listen(t, mute)}`, 'TimedOut'],
  ];
  for (const [what, endpoint, code] of rows) {
    const client = open(t, endpoint, {
      clock: manualClock(0),
      answerWithinMs: code === 'TimedOut' ? 2_000 : 10_000,
    });
    const error = await errorOf(operations.DeleteMultipartUpload(client));
    t.match(
      error,
      { code, kind: 'retry', status: undefined, requestId: undefined, advice: /endpoint/ },
      what,
    );
    t.match(error.message, /\(?\S+\)?: .*\w{3}/, 'with words');
    t.same(secretsIn(printed(error), []), []);
  }
  t.equal(plain.requests.length, 0);
});

t.test('a header that asks to wait is told with the error', async (t) => {
  const vod = await startVod(t, (_request, response) =>
    response.writeHead(400, { 'x-acs-retry-after': '700' }).end('{"Code":"Throttling.User"}'),
  );
  t.equal((await errorOf(operations.GetVideoInfo(open(t, vod.endpoint)))).retryAfterMs, 700);
});

t.test('after a close no call goes out', async (t) => {
  const vod = await startVod(t, () => undefined);
  const client = open(t, vod.endpoint);
  const call = errorOf(operations.GetVideoInfo(client));
  await until(() => vod.requests.length === 1, { what: 'the request is there', everyMs: 1 });
  await client.close();
  t.match(await call, { code: 'ConnectionFailed' }, 'a call under way ends');
  t.match(await errorOf(operations.GetVideoInfo(client)), { code: 'ConnectionFailed' });
  t.equal(vod.requests.length, 1);
});
