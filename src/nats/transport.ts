import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectionOptions, NatsConnection } from 'nats';
import { NatsConnectionImpl, setTransportFactory } from 'nats/lib/src/nats-base-client.js';
import { NodeTransport } from 'nats/lib/src/node_transport.js';
import { dial } from '../network/dial.js';
import type { Clock } from '../time.js';

/** For the look-up and all addresses together; the rest of the connect timeout is for TLS and the sign-in. */
const dialWithinMs = 7_000;

/** Options of ours that the library hands on, so that each connection keeps its own. */
interface Options extends ConnectionOptions {
  clock: Clock;
  /** Told of each attempt that came to nothing. */
  onAttemptFailed: (error: Error) => void;
}

/**
 * As the library's own `connect`, which looks names up past the hosts file and the search domains, has no
 * bound for that, sends no server name in TLS to a host that it does not look up, and keeps sockets that time
 * out open.
 */
export async function connectOver(options: Options): Promise<NatsConnection> {
  // For the whole process: a connection that the library made by itself is dialled as before.
  setTransportFactory({ factory: () => new Transport() });
  const resolve = false;
  return await NatsConnectionImpl.connect({ ...options, resolve } satisfies Options);
}

class Transport extends NodeTransport {
  readonly #closing = new AbortController();
  #raw: Socket | undefined;

  override async connect(
    { hostname, port, tlsName }: Server & { tlsName: string },
    options: ConnectionOptions,
  ): Promise<void> {
    await super.connect(
      { hostname, port, tlsName: tlsName || (isIP(hostname) === 0 ? hostname : '') },
      options,
    );
  }

  override async dial(server: Server): Promise<Socket> {
    const { hostname, port } = server;
    const { signal } = this.#closing;
    const { clock } = this.options as Partial<Options>;
    if (!clock) return await super.dial(server);
    const socket = await dial(hostname, port, { clock, withinMs: dialWithinMs, signal });
    this.#raw = socket.setNoDelay(true);
    return socket;
  }

  override async tlsFirst(server: Server): Promise<TLSSocket> {
    // Read by the library as the socket to begin TLS on.
    this.socket = await this.dial(server);
    return await super.tlsFirst(server);
  }

  override async close(error?: Error): Promise<void> {
    if (error) (this.options as Partial<Options>).onAttemptFailed?.(error);
    this.#closing.abort(error);
    // The library leaves a socket open that did not get as far as a connection.
    if (!this.connected) this.#raw?.destroy();
    await super.close(error);
  }
}

interface Server {
  hostname: string;
  port: number;
}
