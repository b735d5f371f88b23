import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../time.js';

/** The answer of a path. */
export interface Answer {
  status: number;
  contentType: string;
  body: string;
}

/** Called within the event of the request, so that what it reads at once is of one moment. */
export type Route = () => Answer | Promise<Answer>;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** A request takes no longer to arrive, and its answer no longer to be read. */
const requestWithinMs = 5_000;
const answerWithinMs = 10_000;
const idleMs = 15_000;
/** Probes, scrapes and a few curious people; far below the number of files that a process may open. */
const maxConnections = 128;
const maxHeaderBytes = 8_192;

/**
 * Answers GET and HEAD on these paths, whatever else is connected: beyond 128 connections, the one that asked
 * longest ago is closed. `onFailure` is told of a route that throws, and with no path of a connection that
 * cannot be accepted; who asked gets a 500 without the reason.
 * @throws Error that names the setting when the address cannot be listened on.
 */
export async function startHttpServer(
  { host, port }: { host: string; port: number },
  routes: ReadonlyMap<string, Route>,
  onFailure: (path: string | undefined, error: unknown) => void,
  clock: Clock,
): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: requestWithinMs,
      requestTimeout: requestWithinMs,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: idleMs,
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      void answer(request, response, routes, onFailure);
    },
  );
  makeRoom(server, clock);
  server.setTimeout(idleMs, (socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`cannot listen on ${host}:${port} (${error.code ?? error.message}): ${advice}`));
    });
    server.listen(port, host, resolve);
  });
  // Without files left, for example; the connections that are there go on.
  server.on('error', (error) => {
    onFailure(undefined, error);
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

const advice = 'set http.port to a free port, or to 0 for any, and http.host to an address of this machine';

/**
 * Node.js refuses the newest connection, which is the probe: here the one that asked longest ago makes room.
 * It is reset, so that the kernel keeps nothing of an answer that is not read.
 */
function makeRoom(server: Server, clock: Clock): void {
  const byLastRequest = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    byLastRequest.add(socket);
    socket.once('close', () => byLastRequest.delete(socket));
    const [oldest] = byLastRequest;
    if (byLastRequest.size <= maxConnections || !oldest) return;
    byLastRequest.delete(oldest);
    reset(oldest);
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (byLastRequest.delete(socket)) byLastRequest.add(socket);
    response.once(
      'close',
      clock.after(answerWithinMs, () => {
        reset(socket);
      }),
    );
  });
}

/**
 * Node.js 20 leaks the handle of a socket that is reset while its end is being sent, and then never exits by
 * itself.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Route>,
  onFailure: (path: string, error: unknown) => void,
): Promise<void> {
  const path = url.split('?', 1)[0] ?? '';
  const route = routes.get(path);
  if (method !== 'GET' && method !== 'HEAD') {
    send(response, text(405, 'only GET and HEAD'), { allow: 'GET, HEAD' });
  } else if (!route) {
    send(response, text(404, `there is ${[...routes.keys()].join(', ')}`));
  } else {
    try {
      send(response, await route());
    } catch (error) {
      onFailure(path, error);
      send(response, text(500, 'the answer could not be made'));
    }
  }
}

/** Node.js leaves the body out of the answer to a HEAD. */
function send(
  response: ServerResponse,
  { status, contentType, body }: Answer,
  more: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...more,
  });
  response.end(body);
}

function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}
