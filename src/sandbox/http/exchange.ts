import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** One request, read completely, and the means to answer it. */
export interface Exchange {
  method: string;
  /** Path and query exactly as on the request line. */
  target: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  response: ServerResponse;
  /** Calls `run` when the client is gone before it has its answer. */
  onDisconnect(run: () => void): void;
}

/** A part of the sandbox that answers the requests under some path. */
export interface Mount {
  accepts: (target: string) => boolean;
  /** Longer request bodies are refused with 413. */
  maximumBodyBytes: number;
  handle: (exchange: Exchange) => void;
}

/** Reads the body of a request and gives the exchange to the mount. */
export function readExchange(request: IncomingMessage, response: ServerResponse, mount: Mount): void {
  const exchange = (body: Buffer): Exchange => ({
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    body,
    response,
    onDisconnect(run) {
      response.once('close', () => {
        if (!response.writableEnded) run();
      });
    },
  });
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && (length === undefined || length === '0')) {
    mount.handle(exchange(Buffer.alloc(0)));
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mount.maximumBodyBytes) {
      request.removeAllListeners('data').resume();
      if (!response.headersSent) response.writeHead(413, { Connection: 'close' }).end();
      return;
    }
    chunks.push(chunk);
  });
  request.once('end', () => {
    if (bytes > mount.maximumBodyBytes) return;
    const [only] = chunks;
    mount.handle(exchange(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)));
  });
}
