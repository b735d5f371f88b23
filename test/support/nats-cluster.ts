import { startNatsServer, type NatsServer } from './nats-server.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

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

/** @param binary another nats-server than the usual one. */
export async function startNatsCluster(binary?: string): Promise<NatsCluster> {
  const targets = names.map(() => ({ port: 1 }));
  /** By the server that dials and the one that is dialled. */
  const routes = new Map<string, TcpProxy>();
  for (const from of names.keys()) {
    for (const [to, target] of targets.entries()) {
      if (from !== to) routes.set(`${from}${to}`, await startTcpProxy(target));
    }
  }
  const servers = await Promise.all(
    names.map((server, index) =>
      startNatsServer({
        ...(binary !== undefined && { binary }),
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
      await Promise.all([...routes.values()].map((route) => route.close()));
    },
  };
}
