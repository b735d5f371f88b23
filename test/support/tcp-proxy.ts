import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 whose network a test can spoil. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Delays every byte, in both directions, by this much from now on. */
  setLatencyMs(latencyMs: number): void;
  /**
   * While on, nothing passes in either direction and no end notices, as with a pulled cable: connections stay
   * open and new ones are accepted. What was held passes when it is switched off.
   */
  setBlackHole(on: boolean): void;
  /** Breaks every open connection with a TCP reset, at both ends. */
  resetConnections(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of a port of this machine. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const network = { latencyMs: 0, blackHole: false };
  const server = createServer({ allowHalfOpen: true }, (inside) => {
    const outside = connect({ port: target.port, host: target.host ?? '127.0.0.1', allowHalfOpen: true });
    const pair = {
      inside,
      outside,
      lanes: [forward(inside, outside, network), forward(outside, inside, network)],
    };
    pairs.add(pair);
    inside.on('close', () => pairs.delete(pair));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const { inside, outside } of pairs) {
      inside.destroy();
      outside.destroy();
    }
    await closed;
  };

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    setLatencyMs(latencyMs) {
      network.latencyMs = latencyMs;
    },
    setBlackHole(on) {
      network.blackHole = on;
      if (!on) for (const { lanes } of pairs) for (const lane of lanes) lane.flush();
    },
    resetConnections() {
      for (const { inside, outside } of pairs) {
        reset(inside);
        reset(outside);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Pair {
  inside: Socket;
  outside: Socket;
  lanes: Lane[];
}

interface Lane {
  flush(): void;
}

/** One direction of one connection: chunks leave in order, each no sooner than its due time. */
function forward(from: Socket, to: Socket, network: { latencyMs: number; blackHole: boolean }): Lane {
  const held: { pass: () => void; dueMs: number }[] = [];
  const flush = (): void => {
    while (!network.blackHole && held[0] !== undefined && held[0].dueMs <= performance.now())
      held.shift()?.pass();
    if (!network.blackHole && held[0] !== undefined) setTimeout(flush, held[0].dueMs - performance.now());
  };
  const hold = (pass: () => void): void => {
    const dueMs = Math.max(performance.now() + network.latencyMs, held.at(-1)?.dueMs ?? 0);
    held.push({ pass, dueMs });
    if (held.length === 1) flush();
  };
  from.on('data', (chunk) => {
    hold(() => {
      if (to.writable && !to.write(chunk)) from.pause();
    });
  });
  to.on('drain', () => from.resume());
  from.on('end', () => {
    hold(() => to.end());
  });
  from.on('error', () => {
    reset(to);
  });
  from.on('close', (hadError) => {
    if (!hadError && !from.readableEnded) to.destroy();
  });
  return { flush };
}

/**
 * Node.js 20 leaks the handle of a socket that is reset while its end is being sent, and then never exits by
 * itself.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
