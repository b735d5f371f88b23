import { escapeText, type WireString } from '../mns/xml-out.js';
import type { RawAnswer } from '../faults/raw-answer.js';
import { statusOf, VodFailure } from './errors.js';
import type { VodRequest } from './request.js';

/** The fields that every answer has beside its content. */
interface Stamp {
  requestId: string;
  /** The clock of the server, epoch milliseconds. */
  nowMs: number;
}

/** The answer of VOD to a call, as JSON or XML. */
export function vodAnswer(
  { action, headers, isJson }: VodRequest,
  outcome: Readonly<Record<string, unknown>> | VodFailure,
  { requestId, nowMs }: Stamp,
): RawAnswer {
  const isFailure = outcome instanceof VodFailure;
  const content = isFailure
    ? {
        RequestId: requestId,
        HostId: headers.host ?? '',
        Code: outcome.code,
        Message: outcome.message,
        Recommend: `https://api.aliyun.com/troubleshoot?q=${outcome.code}&product=vod&requestId=${requestId}`,
      }
    : { RequestId: requestId, ...outcome };
  const root = isFailure ? 'Error' : `${action}Response`;
  return {
    status: isFailure ? statusOf(outcome, action) : 200,
    headers: [
      'Date',
      new Date(nowMs).toUTCString(),
      'Content-Type',
      isJson ? 'application/json;charset=utf-8' : 'text/xml;charset=utf-8',
      'x-acs-request-id',
      requestId,
    ],
    body: isJson
      ? Buffer.from(JSON.stringify(content)).toString('latin1')
      : `<?xml version="1.0" encoding="UTF-8"?>${element(root, content)}`,
  };
}

/** The answer of a gateway whose server is broken: a page, not JSON. */
export const gatewayPage: RawAnswer = {
  status: 502,
  headers: ['Server', 'Tengine', 'Content-Type', 'text/html'],
  body: '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n',
};

/** The answer of a gateway that has no server. */
export const unavailable: RawAnswer = { status: 503, headers: ['Server', 'Tengine'], body: '' };

function element(name: string, value: unknown): WireString {
  if (Array.isArray(value)) return value.map((entry: unknown) => element(name, entry)).join('');
  const inner =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([child, content]) => element(child, content))
          .join('')
      : escapeText(String(value));
  return `<${name}>${inner}</${name}>`;
}
