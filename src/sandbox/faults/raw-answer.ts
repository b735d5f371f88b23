import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Clock } from '../../time.js';
import type { ScriptedAnswer } from './fault.js';

/** An answer as it goes out. The body is one character a byte (see mns-xml-out). */
export interface RawAnswer {
  status: number;
  /** Name, value, name, value … */
  headers: readonly string[];
  body: string;
}

/** Sends the whole answer with its length and keeps the connection. */
export function sendWhole(response: ServerResponse, { status, headers, body }: RawAnswer): void {
  response.sendDate = false;
  const hasLength = status !== 204 && status !== 304 && !hasHeader(headers, 'content-length');
  response.writeHead(status, hasLength ? [...headers, 'Content-Length', String(body.length)] : [...headers]);
  response.end(body, 'latin1');
}

/** Sends a TCP reset instead of an answer. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/**
 * Promises the whole body, sends half of it and ends the connection; resets it where there is no body to cut.
 */
export function sendTruncated(response: ServerResponse, answer: RawAnswer): void {
  if (answer.body === '') {
    reset(response);
    return;
  }
  const head = headOf(answer.status, [...answer.headers, 'Content-Length', String(answer.body.length)]);
  response.socket?.write(head + answer.body.slice(0, answer.body.length / 2), 'latin1');
  response.socket?.destroySoon();
}

/** Sends the whole answer, its body in pieces. */
export function sendSlowly(
  response: ServerResponse,
  { status, headers, body }: RawAnswer,
  { clock, chunkBytes, delayMs }: { clock: Clock; chunkBytes: number; delayMs: number },
): void {
  response.sendDate = false;
  response.writeHead(
    status,
    body === '' ? [...headers] : [...headers, 'Content-Length', String(body.length)],
  );
  let sent = 0;
  const drip = (): void => {
    if (response.destroyed) return;
    const next = sent + chunkBytes;
    if (next >= body.length) {
      response.end(body.slice(sent), 'latin1');
      return;
    }
    response.write(body.slice(sent, next), 'latin1');
    sent = next;
    clock.after(delayMs, drip);
  };
  drip();
}

/** Sends what a `respond` rule says, past all rules of HTTP where it says so. */
export function sendScripted(response: ServerResponse, script: ScriptedAnswer): void {
  const { status, ending = 'complete' } = script;
  const body = Buffer.from(
    script.bodyBase64 ?? script.body ?? '',
    script.bodyBase64 === undefined ? 'utf8' : 'base64',
  );
  const text = body.toString('latin1');
  const headers = Object.entries(script.headers ?? {}).flat();
  if (ending === 'complete') {
    sendWhole(response, { status, headers, body: text });
    return;
  }
  const { socket } = response;
  if (socket === null) return;
  const length = (bytes: number): string => headOf(status, [...headers, 'Content-Length', String(bytes)]);
  if (ending === 'stall') {
    socket.write(length(Math.max(1, text.length)) + text.slice(0, text.length / 2), 'latin1');
    return;
  }
  const bytes = {
    truncated: () => length(text.length + 64) + text,
    cut: () =>
      `${headOf(status, [...headers, 'Transfer-Encoding', 'chunked'])}${text.length.toString(16)}\r\n${text}\r\n`,
    unframed: () => headOf(status, [...headers, 'Connection', 'close']) + text,
    garbage: () => text,
  }[ending]();
  socket.write(bytes, 'latin1');
  socket.destroySoon();
}

function headOf(status: number, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    head += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
  }
  return `${head}\r\n`;
}

function hasHeader(headers: readonly string[], name: string): boolean {
  return headers.some((header, index) => index % 2 === 0 && header.toLowerCase() === name);
}
