import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import type { Sandbox } from '../../src/sandbox/sandbox.js';

/** One request as a test wants it on the wire. */
export interface RawRequest {
  method: string;
  target: string;
  body?: string;
  headers?: Record<string, string>;
  /** The Date header; default: the time of the call. */
  date?: string;
  /** Sent instead of the right signature; empty for none. */
  authorization?: string;
  /** Ends the connection from our side at once. */
  signal?: AbortSignal;
  /** Sees what has arrived so far each time something does. */
  onData?: (wire: string) => void;
}

/** An answer, one character a byte. */
export interface RawAnswer {
  status: number;
  /** Header lines as received, without the status line. */
  headerLines: string[];
  /** By lower-cased name. */
  headers: Map<string, string>;
  body: string;
  /** Everything, including what is no HTTP. */
  wire: string;
}

/** Sends a signed request on a connection of its own and reads until the server ends it. */
export async function rawCall(sandbox: Sandbox, request: RawRequest): Promise<RawAnswer> {
  const { method, target, body = '', date = new Date().toUTCString() } = request;
  const headers: Record<string, string> = {
    'x-mns-version': '2015-06-06',
    ...(body === '' ? {} : { 'Content-Type': 'text/xml' }),
    ...request.headers,
  };
  const authorization =
    request.authorization ??
    `MNS ${sandbox.accessKeyId}:${sign(sandbox.accessKeySecret, method, target, date, headers)}`;
  if (authorization !== '') headers['Authorization'] = authorization;
  if (date !== '') headers['Date'] = date;
  if (body !== '') headers['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries({ Host: `127.0.0.1:${sandbox.port}`, ...headers, Connection: 'close' });
  const head = `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return parse(await converse(sandbox.port, head + body, request));
}

/** The V2 signature, written from the documentation and apart from the sandbox's own. */
export function sign(
  secret: string,
  method: string,
  target: string,
  date: string,
  headers: Record<string, string>,
): string {
  const lower = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const own = Object.keys(lower)
    .filter((name) => name.startsWith('x-mns-'))
    .sort();
  const text =
    `${method}\n${lower['content-md5'] ?? ''}\n${lower['content-type'] ?? ''}\n${date}\n` +
    own.map((name) => `${name}:${lower[name] ?? ''}\n`).join('') +
    target;
  return createHmac('sha1', secret).update(text).digest('base64');
}

/** The text of the first element called `name`, still escaped. */
export function element(xml: string, name: string): string {
  return elements(xml, name)[0] ?? '';
}

/** The texts of all elements called `name`, still escaped. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => text ?? '');
}

async function converse(port: number, bytes: string, { signal, onData }: RawRequest): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    signal?.addEventListener('abort', () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      onData?.(received);
    });
    socket.once('error', reject);
    socket.once('close', () => {
      resolve(received);
    });
    socket.write(bytes);
  });
}

function parse(wire: string): RawAnswer {
  const end = wire.indexOf('\r\n\r\n');
  const [statusLine = '', ...headerLines] = wire.slice(0, Math.max(0, end)).split('\r\n');
  const headers = new Map(
    headerLines.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(statusLine.split(' ')[1]), headerLines, headers, body: wire.slice(end + 4), wire };
}
