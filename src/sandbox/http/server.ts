import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readExchange, type Mount } from './exchange.js';

/** A server that listens. */
interface HttpServer {
  host: string;
  port: number;
  /** Ends all connections and resolves when the port is free. */
  close: () => Promise<void>;
}

/**
 * Longer than the idle time of any client, so that it is never the sandbox that closes an idle connection.
 */
const keepAliveMs = 300_000;

/**
 * Listens on `host` and `port` (0: any free one) and gives each request to the first mount that accepts it.
 */
export async function listen(host: string, port: number, mounts: readonly Mount[]): Promise<HttpServer> {
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, (request, response) => {
    const target = request.url ?? '';
    const mount = mounts.find(({ accepts }) => accepts(target));
    if (mount === undefined) response.writeHead(404, { 'Content-Length': 0 }).end();
    else readExchange(request, response, mount);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.family === 'IPv6' ? `[${address.address}]` : address.address,
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
