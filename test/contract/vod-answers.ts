import type { IncomingMessage, ServerResponse } from 'node:http';
import type { VodErrorKind } from '../../src/follow-up/vod-error.js';

/**
 * The result that a call must have: its value, or a VodError with exactly these fields (undefined: has none).
 */
export type Expected =
  'result' | { code: string; kind: VodErrorKind; status: number | undefined; requestId: string | undefined };

export interface Answer {
  name: string;
  /** The server's part; `thenReset`: sends these bytes and resets the connection. */
  sends: ((request: IncomingMessage, response: ServerResponse) => void) | { thenReset: string };
  expected: Expected;
  /** How many requests the call may make; default 1. */
  requests?: number;
  /** The client waits this one out: it gets a short deadline. */
  silent?: boolean;
}

export const requestId = '25818875-5F78-4A13-BEF6-D7393642CA58';

/** The result of either operation when it succeeds. */
export const success = {
  RequestId: requestId,
  Video: {
    VideoId: 'media-1',
    Status: 'Uploading',
    CreationTime: '2017-11-14T09:15:50Z',
    ModificationTime: '2017-11-14T10:15:50Z',
  },
};

/** All that a request holds, as a gateway or proxy that explains itself too well shows it. */
function echo(request: IncomingMessage): string {
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}:${String(value)}`);
  const plain = [request.method, request.url, ...lines].join('\n');
  return `${plain} ${encodeURIComponent(plain)} ${Buffer.from(plain).toString('base64')}`;
}

function json(status: number, body: (request: IncomingMessage) => object): Answer['sends'] {
  return (request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json;charset=utf-8' });
    response.end(JSON.stringify(body(request)));
  };
}

function text(status: number, headers: Record<string, string>, body: string): Answer['sends'] {
  return (request, response) => {
    response.writeHead(status, headers).end(body && `${body}${echo(request)}`);
  };
}

const codes: readonly [code: string, status: number, kind: VodErrorKind][] = [
  ['InvalidMultipartUpload.NotFound', 400, 'gone'],
  ['InvalidVideo.NotFound', 400, 'gone'],
  ['InvalidVideo.NotFound', 404, 'gone'],
  ['InvalidFile.NotFound', 400, 'gone'],
  ['Throttling', 400, 'throttled'],
  ['Throttling.User', 400, 'throttled'],
  ['Throttling.Api', 429, 'throttled'],
  ['Throttling.User', 503, 'throttled'],
  ['ServiceUnAvailable', 503, 'retry'],
  ['ServiceUnavailable', 500, 'retry'],
  ['InternalError', 500, 'retry'],
  ['SignatureNonceUsed', 400, 'retry'],
  ['Unheard.Of', 400, 'retry'],
  ['ThrottledNot', 403, 'retry'],
  ['constructor', 400, 'retry'],
  ['InvalidSecurityToken', 403, 'credentials'],
  ['InvalidSecurityToken.Expired', 400, 'credentials'],
  ['InvalidSecurityToken.Malformed', 400, 'credentials'],
  ['InvalidSecurityToken.MismatchWithAccessKey', 400, 'credentials'],
  ['SecurityTokenExpired', 403, 'credentials'],
  ['MissingSecurityToken', 400, 'credentials'],
  ['InvalidAccessKeyId', 400, 'credentials'],
  ['InvalidAccessKeyId.NotFound', 404, 'credentials'],
  ['InvalidAccessKeyId.Inactive', 400, 'credentials'],
  ['InvalidTimeStamp.Expired', 400, 'clock'],
  ['SignatureDoesNotMatch', 400, 'credentials'],
  ['SignatureDoesNotMatch', 403, 'credentials'],
  ['AccessDenied', 400, 'blocked'],
  ['Forbidden', 403, 'blocked'],
  ['Forbidden.RAM', 403, 'blocked'],
  ['Forbidden.RiskControl', 403, 'blocked'],
  ['OperationDenied', 403, 'blocked'],
  ['OperationDenied.Suspended', 403, 'blocked'],
  ['InvalidStorage.NotFound', 400, 'blocked'],
  ['InvalidParameter', 400, 'bug'],
  ['MissingParameter', 400, 'bug'],
  ['IncompleteSignature', 400, 'bug'],
  ['InvalidTimeStamp.Format', 400, 'clock'],
  ['InvalidVersion', 400, 'bug'],
  ['InvalidApi.NotFound', 404, 'bug'],
  ['InvalidAction.NotFound', 404, 'bug'],
  ['InvalidProtocol.NeedSsl', 400, 'bug'],
];

/** Each code as documented, in lower case and in upper case; each text shows the whole request. */
const errors: readonly Answer[] = codes.flatMap(([documented, status, kind]) =>
  [...new Set([documented, documented.toLowerCase(), documented.toUpperCase()])].map((code) => ({
    name: `${status} ${code}`,
    sends: json(status, (request) => ({
      RequestId: requestId,
      HostId: 'vod.cn-shanghai.aliyuncs.com',
      Code: code,
      Message: `In words. ${kind === 'bug' ? '' : echo(request)}`,
      Recommend: `https://error-center.aliyun.com/?q=${echo(request)}`,
    })),
    expected: { code, kind, status, requestId },
    ...(kind === 'credentials' && { requests: 2 }),
  })),
);

const unexpected = (status: number, id?: string): Expected => ({
  code: 'UnexpectedAnswer',
  kind: 'retry',
  status,
  requestId: id,
});
const failed = (code: string, status?: number): Expected => ({
  code,
  kind: 'retry',
  status,
  requestId: undefined,
});
const half = JSON.stringify(success).slice(0, 80);
const html = { 'Content-Type': 'text/html' };

const others: readonly Answer[] = [
  { name: '200 with the result', sends: json(200, () => success), expected: 'result' },
  {
    name: '200 with the result as text/html',
    sends: (_request, response) => response.writeHead(200, html).end(JSON.stringify(success)),
    expected: 'result',
  },
  {
    name: '200 with the result in pieces',
    sends: (_request, response) => {
      for (const character of JSON.stringify(success)) response.write(character);
      response.end();
    },
    expected: 'result',
  },
  { name: '200 {}', sends: json(200, () => ({})), expected: unexpected(200) },
  {
    name: '200 without RequestId',
    sends: json(200, (request) => ({ Video: success.Video, Message: echo(request) })),
    expected: unexpected(200),
  },
  {
    name: '200 with Code',
    sends: json(200, (request) => ({ ...success, Code: 'Throttling.User', Message: echo(request) })),
    expected: { code: 'Throttling.User', kind: 'throttled', status: 200, requestId },
  },
  {
    name: '200 with a Code that shows the request',
    sends: json(200, (request) => ({ ...success, Code: request.headers.authorization })),
    expected: unexpected(200, requestId),
  },
  {
    name: '400 with a token expired, named as a parameter',
    sends: json(400, () => ({
      RequestId: requestId,
      Code: 'InvalidParameter',
      Message: 'The specified parameter "SecurityToken.Expired" is not valid.',
    })),
    expected: { code: 'InvalidParameter', kind: 'credentials', status: 400, requestId },
    requests: 2,
  },
  {
    name: '400 with a Code and no Message',
    sends: json(400, () => ({ Code: 'InvalidVideo.NotFound' })),
    expected: { code: 'InvalidVideo.NotFound', kind: 'gone', status: 400, requestId: undefined },
  },
  {
    name: '503 JSON without Code',
    sends: json(503, (request) => ({ code: 'busy', message: echo(request) })),
    expected: unexpected(503),
  },
  {
    name: '500 JSON with RequestId alone',
    sends: json(500, () => ({ RequestId: requestId })),
    expected: unexpected(500, requestId),
  },
  {
    name: '204',
    sends: (_request, response) => response.writeHead(204).end(),
    expected: unexpected(204),
  },
  { name: '302', sends: text(302, { Location: 'http://127.0.0.1:1/' }, ''), expected: unexpected(302) },
  { name: '502 HTML', sends: text(502, html, '<html>502 '), expected: unexpected(502) },
  { name: '200 HTML', sends: text(200, html, '<html>log in '), expected: unexpected(200) },
  { name: '503 empty', sends: text(503, {}, ''), expected: unexpected(503) },
  { name: '200 empty', sends: text(200, {}, ''), expected: unexpected(200) },
  {
    name: '400 XML',
    sends: text(400, { 'Content-Type': 'text/xml;charset=utf-8' }, '<Error><Code>Throttling</Code></Error>'),
    expected: unexpected(400),
  },
  { name: '200 half a result', sends: text(200, {}, half), expected: unexpected(200) },
  {
    name: '200 with a request in its Content-Type',
    sends: (request, response) =>
      response.writeHead(200, { 'Content-Type': request.headers.authorization ?? '' }).end('x'),
    expected: unexpected(200),
  },
  {
    name: '400 with the request id in the header alone',
    sends: text(400, { 'x-acs-request-id': requestId }, '<html>'),
    expected: unexpected(400, requestId),
  },
  {
    name: 'a body of 300 KiB',
    sends: json(200, () => ({ ...success, Title: 'x'.repeat(300 * 1024) })),
    expected: unexpected(200),
  },
  {
    name: 'a body without end',
    sends: (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    },
    expected: unexpected(200),
  },
  {
    name: 'a reset before the headers',
    sends: (request) => request.socket.resetAndDestroy(),
    expected: failed('ConnectionFailed'),
  },
  {
    name: 'the end before the headers',
    sends: (request) => request.socket.end(),
    expected: failed('ConnectionFailed'),
  },
  {
    name: 'a reset in the body',
    sends: { thenReset: `HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${half}` },
    expected: failed('ConnectionFailed', 200),
  },
  {
    name: 'the end in the body',
    sends: (request, response) => {
      response.writeHead(200, { 'Content-Length': 900 });
      response.write(half, () => request.socket.end());
    },
    expected: failed('ConnectionFailed', 200),
  },
  {
    name: 'garbage in place of HTTP',
    sends: { thenReset: '\u0000\u0001garbage\r\n\r\n' },
    expected: failed('ConnectionFailed'),
  },
  {
    name: 'no answer',
    sends: () => undefined,
    expected: failed('TimedOut'),
    silent: true,
  },
  {
    name: 'headers, then nothing',
    sends: (_request, response) => {
      response.writeHead(200, { 'Content-Length': 900 }).flushHeaders();
    },
    expected: failed('TimedOut', 200),
    silent: true,
  },
  {
    name: 'half a body, then nothing',
    sends: (_request, response) => {
      response.writeHead(200, { 'Content-Length': 900 }).write(half);
    },
    expected: failed('TimedOut', 200),
    silent: true,
  },
  {
    name: 'a body that drips',
    sends: (_request, response) => {
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => {
        clearInterval(drip);
      });
    },
    expected: failed('TimedOut', 200),
    silent: true,
  },
];

/**
 * All the answers of the outcome matrix: what VOD, what stands before it and what the network between can do.
 */
export const answers: readonly Answer[] = [...errors, ...others];
