import type { ScriptedAnswer } from '../../src/sandbox/faults/fault.js';

/** The five operations whose every answer is judged, and the three of the port above them. */
export const operations = [
  'receiveMessage',
  'batchReceiveMessage',
  'deleteMessage',
  'batchDeleteMessage',
  'changeMessageVisibility',
] as const;
export type Operation = (typeof operations)[number];

/** The port's operations, each with the one it stands on. */
export const portOperations = {
  'Queue.receive': 'batchReceiveMessage',
  'Queue.delete': 'batchDeleteMessage',
  'Queue.changeVisibility': 'changeMessageVisibility',
} as const satisfies Record<string, Operation>;
export type PortOperation = keyof typeof portOperations;

/**
 * The result that a call must have: an MnsError with these fields (undefined: has none), or exactly this
 * result.
 */
export type Expected =
  { fails: string; status?: number; requestId?: string; message?: RegExp } | { gives: unknown };

export type Script = (operation: Operation) => Omit<ScriptedAnswer, 'kind'>;

export interface Answer {
  name: string;
  /**
   * The server's part: a script for each operation, a fault of the sandbox, or bytes followed by a TCP reset.
   */
  sends: Script | 'reset' | 'hang' | { thenReset: string };
  /** The result of every operation … */
  expected: Expected;
  /** … except these; a port operation is as the one it stands on. */
  except?: Partial<Record<Operation | PortOperation, Expected>>;
}

export const requestId = '6AB5CE414643340F0020CEFA';
const xml = { 'Content-Type': 'text/xml;charset=utf-8' };
const xmlWithId = { ...xml, 'x-mns-request-id': requestId };
const unexpected = (status: number): Expected => ({ fails: 'UnexpectedAnswer', status });
const connectionFailed: Expected = { fails: 'ConnectionFailed' };
const timedOut: Expected = { fails: 'TimedOut' };

const namespace = 'xmlns="http://mns.aliyuncs.com/doc/v1"';
const prolog = '<?xml version="1.0" ?>\n';
const message = `<MessageId>M1</MessageId><MessageBodyMD5>5D90</MessageBodyMD5><MessageBody>a &amp; b</MessageBody>
<ReceiptHandle>R1==</ReceiptHandle><EnqueueTime>1790299669856</EnqueueTime><FirstDequeueTime>1790299674802</FirstDequeueTime>
<NextVisibleTime>1790299704802</NextVisibleTime><DequeueCount>1</DequeueCount><Priority>8</Priority>`;
const fields = {
  MessageId: 'M1',
  MessageBodyMD5: '5D90',
  MessageBody: 'a & b',
  ReceiptHandle: 'R1==',
  EnqueueTime: '1790299669856',
  FirstDequeueTime: '1790299674802',
  NextVisibleTime: '1790299704802',
  DequeueCount: '1',
  Priority: '8',
};
const item = (of: Record<string, string>) => ({ fields: of, properties: {}, damaged: false });
const changed = '<ReceiptHandle>R2==</ReceiptHandle><NextVisibleTime>1790299710557</NextVisibleTime>';

/** The success of each operation as XML; a delete has none, so it is shown that of another. */
const documents: Record<Operation, string> = {
  receiveMessage: `${prolog}<Message ${namespace}>${message}</Message>`,
  batchReceiveMessage: `${prolog}<Messages ${namespace}><Message>${message}</Message></Messages>`,
  deleteMessage: `${prolog}<Message ${namespace}>${message}</Message>`,
  batchDeleteMessage: `${prolog}<Messages ${namespace}><Message>${message}</Message></Messages>`,
  changeMessageVisibility: `${prolog}<ChangeVisibility ${namespace}>${changed}</ChangeVisibility>`,
};

const errorParts = (code: string) => ({
  Code: `<Code>${code}</Code>`,
  Message: '<Message>In words.</Message>',
  RequestId: `<RequestId>${requestId}</RequestId>`,
  HostId: '<HostId>http://1.mns.cn-shanghai.aliyuncs.com</HostId>',
});
const errorOf = (parts: Record<string, string>): string =>
  `${prolog}<Error ${namespace}>${Object.values(parts).join('')}</Error>`;

function error(status: number, code: string, except: Answer['except'] = {}): Answer {
  return {
    name: `${status} <Error> ${code} with text/xml`,
    sends: () => ({ status, headers: xmlWithId, body: errorOf(errorParts(code)) }),
    expected: { fails: code, status, requestId, message: /In words\.$/ },
    except,
  };
}

function oddError(
  name: string,
  body: string,
  expected: Expected,
  headers: Record<string, string> = xml,
): Answer {
  return { name, sends: () => ({ status: 503, headers, body }), expected };
}

const { HostId: _hostId, ...withoutHost } = errorParts('ServerBusy');
const { Code: _code, ...withoutCode } = errorParts('ServerBusy');
const { RequestId: _requestId, ...withoutRequestId } = errorParts('ServerBusy');
const busy: Expected = { fails: 'ServerBusy', status: 503, requestId };
const bothGone: Expected = {
  gives: new Map([
    ['handle-1', 'handle-gone'],
    ['handle-2', 'handle-gone'],
  ]),
};
const entry = (code: string, handle: string): string =>
  `<Error><ErrorCode>${code}</ErrorCode><ErrorMessage>why</ErrorMessage>${handle}</Error>`;
const errors = (entries: string): string => `${prolog}<Errors ${namespace}>${entries}</Errors>`;
const half = (text: string): string => text.slice(0, text.length / 2);
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const head = (...lines: string[]): string =>
  ['HTTP/1.1 200 OK', 'Content-Type: text/xml', ...lines, '', ''].join('\r\n');

/**
 * All the answers of the outcome matrix: what MNS, what stands before it and what the network between can do.
 */
export const answers: readonly Answer[] = [
  error(404, 'MessageNotExist', { 'Queue.receive': { gives: [] }, 'Queue.delete': bothGone }),
  error(404, 'QueueNotExist'),
  error(400, 'ReceiptHandleError', { 'Queue.delete': bothGone }),
  error(403, 'AccessDenied'),
  error(429, 'TooManyRequests'),
  error(500, 'InternalError'),
  error(503, 'ServiceUnavailable'),
  {
    name: '502 text/html',
    sends: () => ({ status: 502, headers: { 'Content-Type': 'text/html' }, body: '<html><br>502</html>' }),
    expected: unexpected(502),
  },
  { name: '503 with an empty body', sends: () => ({ status: 503 }), expected: unexpected(503) },
  {
    name: '503 application/json',
    sends: () => ({ status: 503, headers: { 'Content-Type': 'application/json' }, body: '{"code":"busy"}' }),
    expected: unexpected(503),
  },
  oddError('503 <Error> without Content-Type', errorOf(errorParts('ServerBusy')), busy, {}),
  oddError('503 <Error> with Text/XML', errorOf(errorParts('ServerBusy')), busy, {
    'Content-Type': 'Text/XML',
  }),
  {
    name: '302',
    sends: () => ({ status: 302, headers: { Location: 'http://127.0.0.1:1/' } }),
    expected: unexpected(302),
  },
  {
    name: '200 with an empty body',
    sends: () => ({ status: 200, headers: xmlWithId }),
    expected: { fails: 'UnexpectedAnswer', status: 200, requestId },
  },
  {
    name: '204',
    sends: () => ({ status: 204, headers: { 'x-mns-request-id': requestId } }),
    expected: { fails: 'UnexpectedAnswer', status: 204, requestId },
    except: {
      deleteMessage: { gives: { status: 204, items: [] } },
      batchDeleteMessage: { gives: { status: 204, items: [] } },
      'Queue.delete': { gives: new Map() },
    },
  },
  {
    name: '200 with valid XML as Text/XML',
    sends: (operation) => ({
      status: 200,
      headers: { 'Content-Type': 'Text/XML' },
      body: documents[operation],
    }),
    expected: unexpected(200),
    except: {
      receiveMessage: { gives: { status: 200, items: [item(fields)] } },
      batchReceiveMessage: { gives: { status: 200, items: [item(fields)] } },
      changeMessageVisibility: {
        gives: { status: 200, items: [item({ ReceiptHandle: 'R2==', NextVisibleTime: '1790299710557' })] },
      },
      'Queue.receive': {
        gives: [
          {
            message: {
              messageId: 'M1',
              body: 'a & b',
              damaged: false,
              attempt: 1,
              enqueuedAtMs: 1790299669856,
              properties: {},
            },
            receiptHandle: 'R1==',
            visibilityMs: 30_000,
          },
        ],
      },
      'Queue.changeVisibility': { gives: 'R2==' },
    },
  },
  {
    name: '200 with nothing but white space',
    sends: () => ({ status: 200, headers: xml, body: ' \r\n ' }),
    expected: unexpected(200),
  },
  {
    name: '200 with truncated XML of the promised length',
    sends: (operation) => ({ status: 200, headers: xml, body: half(documents[operation]) }),
    expected: unexpected(200),
  },
  {
    name: '200 with Connection: close and the body cut',
    sends: (operation) => ({
      status: 200,
      headers: xml,
      body: half(documents[operation]),
      ending: 'unframed',
    }),
    expected: unexpected(200),
  },
  oddError('<Error> without HostId', errorOf(withoutHost), busy),
  oddError('<Error> without Code', errorOf(withoutCode), {
    fails: 'UnexpectedAnswer',
    status: 503,
    requestId,
    message: /In words\.$/,
  }),
  oddError('<Error> without RequestId', errorOf(withoutRequestId), { fails: 'ServerBusy', status: 503 }),
  oddError('<Error> without RequestId, which the header has', errorOf(withoutRequestId), busy, xmlWithId),
  oddError('<Error></Error>', '<Error></Error>', unexpected(503)),
  oddError('<Error/>', '<Error/>', unexpected(503)),
  oddError('<Error> with an empty Code', errorOf({ ...errorParts('ServerBusy'), Code: '<Code/>' }), {
    fails: 'UnexpectedAnswer',
    status: 503,
    requestId,
  }),
  oddError(
    '<Error> with an empty Message',
    errorOf({ ...errorParts('ServerBusy'), Message: '<Message/>' }),
    busy,
  ),
  oddError(
    '<Error> with markup in its Message',
    errorOf({ ...errorParts('ServerBusy'), Message: '<Message>Try <b>again</b> later</Message>' }),
    { ...busy, message: /Try again later$/ },
  ),
  oddError('<Error> with a Code that is a name of Object', errorOf(errorParts('constructor')), {
    fails: 'constructor',
    status: 503,
    requestId,
  }),
  {
    name: '200 with an unexpected root',
    sends: () => ({ status: 200, headers: xml, body: '<Topics><Topic><Name>a</Name></Topic></Topics>' }),
    expected: unexpected(200),
  },
  {
    name: '200 with an empty <Messages/>',
    sends: () => ({ status: 200, headers: xml, body: `<Messages ${namespace}/>` }),
    expected: unexpected(200),
    except: { batchReceiveMessage: { gives: { status: 200, items: [] } }, 'Queue.receive': { gives: [] } },
  },
  {
    name: '200 with an empty root of the right name',
    sends: (operation) => ({
      status: 200,
      headers: xmlWithId,
      body:
        { receiveMessage: '<Message/>', changeMessageVisibility: '<ChangeVisibility/>' }[
          operation as string
        ] ?? '<Messages/>',
    }),
    expected: unexpected(200),
    except: {
      receiveMessage: { gives: { status: 200, items: [item({})] } },
      batchReceiveMessage: { gives: { status: 200, items: [] } },
      changeMessageVisibility: { gives: { status: 200, items: [item({})] } },
      'Queue.receive': { gives: [] },
      'Queue.changeVisibility': { fails: 'UnexpectedAnswer', status: 200, requestId },
      deleteMessage: { fails: 'UnexpectedAnswer', status: 200, requestId },
      batchDeleteMessage: { fails: 'UnexpectedAnswer', status: 200, requestId },
    },
  },
  {
    name: '404 with an empty <Errors/>',
    sends: () => ({ status: 404, headers: xml, body: `<Errors ${namespace}/>` }),
    expected: unexpected(404),
  },
  {
    name: '404 <Errors> for some handles',
    sends: () => ({
      status: 404,
      headers: xmlWithId,
      body: errors(entry('InternalError', '<ReceiptHandle>handle-2</ReceiptHandle>')),
    }),
    expected: { fails: 'UnexpectedAnswer', status: 404, requestId },
    except: {
      batchDeleteMessage: {
        gives: {
          status: 404,
          items: [item({ ErrorCode: 'InternalError', ErrorMessage: 'why', ReceiptHandle: 'handle-2' })],
        },
      },
      'Queue.delete': { gives: new Map([['handle-2', 'try-again']]) },
    },
  },
  ...[200, 207, 500].map((status): Answer => ({
    name: `${status} <Errors> for one of the handles`,
    sends: () => ({
      status,
      headers: xmlWithId,
      body: errors(entry('InternalError', '<ReceiptHandle>handle-2</ReceiptHandle>')),
    }),
    expected: { fails: 'UnexpectedAnswer', status, requestId },
    except: {
      batchDeleteMessage: {
        gives: {
          status,
          items: [item({ ErrorCode: 'InternalError', ErrorMessage: 'why', ReceiptHandle: 'handle-2' })],
        },
      },
      'Queue.delete': { gives: new Map([['handle-2', 'try-again']]) },
    },
  })),
  {
    name: '404 <Errors> for a handle that was not sent',
    sends: () => ({
      status: 404,
      headers: xmlWithId,
      body: errors(entry('MessageNotExist', '<ReceiptHandle>handle-9</ReceiptHandle>')),
    }),
    expected: { fails: 'UnexpectedAnswer', status: 404, requestId },
    except: {
      batchDeleteMessage: {
        gives: {
          status: 404,
          items: [item({ ErrorCode: 'MessageNotExist', ErrorMessage: 'why', ReceiptHandle: 'handle-9' })],
        },
      },
      'Queue.delete': { fails: 'UnexpectedAnswer', status: 404, requestId },
    },
  },
  {
    name: 'FIN in mid-body, with a length',
    sends: (operation) => ({ status: 200, headers: xml, body: documents[operation], ending: 'truncated' }),
    expected: connectionFailed,
  },
  {
    name: 'FIN in mid-body, chunked',
    sends: (operation) => ({ status: 200, headers: xml, body: documents[operation], ending: 'cut' }),
    expected: connectionFailed,
  },
  {
    name: 'reset in mid-body, with a length',
    sends: { thenReset: `${head('Content-Length: 900')}${documents.receiveMessage}` },
    expected: connectionFailed,
  },
  {
    name: 'reset in mid-body, chunked',
    sends: { thenReset: `${head('Transfer-Encoding: chunked')}${chunk(documents.receiveMessage)}` },
    expected: connectionFailed,
  },
  { name: 'reset before the headers', sends: 'reset', expected: connectionFailed },
  {
    name: 'garbage instead of HTTP',
    sends: () => ({ status: 0, body: '\u0000\u0001garbage', ending: 'garbage' }),
    expected: connectionFailed,
  },
  { name: 'no answer', sends: 'hang', expected: timedOut },
  {
    name: 'headers, then nothing',
    sends: (operation) => ({ status: 200, headers: xml, body: documents[operation], ending: 'stall' }),
    expected: timedOut,
  },
  {
    name: '200 with text/xml that is no XML',
    sends: () => ({ status: 200, headers: xml, body: 'Service is busy' }),
    expected: unexpected(200),
  },
];

/** Answers that a client waits out: for these it gets short deadlines. */
export const silent: ReadonlySet<string> = new Set(['no answer', 'headers, then nothing']);
