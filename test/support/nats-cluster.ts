import { connect } from 'nats';
import { startNatsServer, type NatsServer } from './nats-server.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

/** Three servers with JetStream in one cluster, whose network a test can cut. */
export interface NatsCluster extends AsyncDisposable {
  readonly servers: readonly NatsServer[];
  /** The place of a server by its name, as streams call their leader. */
  indexOf(name: string): number;
  /** Cuts one server off from the two others, as a pulled cable does; clients still reach it. */
  cutOff(index: number): void;
  mend(): void;
}

const names = ['n0', 'n1', 'n2'];

const maxStarts = 4;

/**
 * Starts the three and resolves when each is healthy. In about one start of thirty, two of nats-server 2.10
 * form a majority that the third never joins: such a cluster is given up for a fresh one.
 * @param binary another nats-server than the usual one.
 */
export async function startNatsCluster(binary?: string): Promise<NatsCluster> {
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(binary);
    } catch (error) {
      if (start === maxStarts) throw error;
    }
  }
}

async function startOnce(binary?: string): Promise<NatsCluster> {
  const targets = names.map(() => ({ port: 1 }));
  /**
   * By the server that dials and the one that is dialled. Each has a route to itself too: the number of its
   * routes is the size of the cluster that it expects, and with two of three a majority forms without the
   * third, for good.
   */
  const routes = new Map<string, TcpProxy>();
  for (const from of names.keys()) {
    for (const [to, target] of targets.entries()) {
      routes.set(`${from}${to}`, await startTcpProxy(target));
    }
  }
  const closeRoutes = (): Promise<unknown> => Promise.all([...routes.values()].map((route) => route.close()));
  const started = await Promise.allSettled(
    names.map((server, index) =>
      startNatsServer({
        ...(binary !== undefined && { binary }),
        healthyWithinMs: 20_000,
        cluster: {
          server,
          routes: [...routes]
            .filter(([pair]) => pair.startsWith(`${index}`))
            .map(([, { port }]) => `nats://127.0.0.1:${port}`),
          onPort: (port) => {
            Object.assign(targets[index] ?? {}, { port });
          },
        },
      }),
    ),
  );
  const servers = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = started.find((start) => start.status === 'rejected');
  if (failed) {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await closeRoutes();
    throw failed.reason;
  }
  try {
    await untilThreeCopies(servers);
  } catch (error) {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await closeRoutes();
    throw error;
  }
  return {
    servers,
    indexOf: (name) => names.indexOf(name),
    cutOff(index) {
      for (const [pair, route] of routes) if (pair.includes(`${index}`)) route.setBlackHole(true);
    },
    mend() {
      for (const route of routes.values()) route.setBlackHole(false);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      await closeRoutes();
    },
  };
}

/** A server may be healthy by its own word, and unknown to the two others. */
async function untilThreeCopies(servers: readonly NatsServer[]): Promise<void> {
  const client = await connect({ servers: servers.map(({ url }) => url) });
  try {
    const { streams } = await client.jetstreamManager({ checkAPI: false });
    const shape = { name: 'PROBE', subjects: ['probe'], num_replicas: 3 };
    await until(() => streams.add(shape).then(() => true), {
      what: 'a stream can have three copies',
      timeoutMs: 20_000,
    });
    await streams.delete('PROBE');
  } finally {
    await client.close();
  }
}
