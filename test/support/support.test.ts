import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { connect, type NatsConnection } from 'nats';
import t from 'tap';
import { startNatsServer, type NatsServer } from './nats-server.js';
import { startTcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

t.test('the nats-server of a test', async (t) => {
  await t.test('keeps its ports and its store over a restart, also after SIGKILL', async (t) => {
    await using server = await startNatsServer();
    const { url } = server;
    await addMessage(url);
    await server.restart();
    t.equal(await countMessages(server), 1, 'after SIGTERM');
    await server.kill();
    await t.rejects(connect({ servers: url, reconnect: false }), 'nothing listens after SIGKILL');
    await server.restart();
    t.equal(server.url, url);
    t.equal(await countMessages(server), 1, 'after SIGKILL');
  });

  await t.test('asks for the password it was given, and takes extra configuration', async (t) => {
    await using server = await startNatsServer({
      auth: { user: 'a', password: 'b' },
      config: 'max_payload: 4096',
    });
    await t.rejects(connect({ servers: server.url, reconnect: false }), { code: 'AUTHORIZATION_VIOLATION' });
    const client = await connect({ servers: server.url, user: 'a', pass: 'b' });
    t.equal(client.info?.max_payload, 4096);
    await client.close();
  });

  await t.test('holds its answers while paused', async (t) => {
    await using server = await startNatsServer();
    const client = await connect({ servers: server.url });
    server.pause();
    // The signal takes effect a moment after it is sent.
    const isSilent = async (): Promise<boolean> => {
      const answer = await client
        .request('nobody.listens', '', { timeout: 100 })
        .catch((error: unknown) => error);
      return (answer as { code?: string }).code === 'TIMEOUT';
    };
    t.ok(await until(isSilent, { what: 'nothing answers' }));
    server.resume();
    await t.rejects(client.request('nobody.listens'), { code: '503' }, 'answers again');
    await client.close();
  });

  await t.test('says why it cannot start', async (t) => {
    await t.rejects(startNatsServer({ config: 'no such setting' }), {
      message: /nats-server ended before its ports are known:\n.*Parse error/,
    });
  });
});

t.test('the TCP proxy', async (t) => {
  const echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  t.teardown(() => echo.close());
  const target = { port: (echo.address() as AddressInfo).port };

  await t.test('passes bytes in order, late when told so, and the end of a stream', async (t) => {
    await using proxy = await startTcpProxy(target);
    const client = connectTcp(proxy.port, '127.0.0.1');
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    proxy.setLatencyMs(20);
    client.write('one ');
    proxy.setLatencyMs(0);
    client.write('two ');
    client.end('three');
    await once(client, 'close');
    t.equal(received, 'one two three');
    await until(() => proxy.connections === 0, { what: 'the proxy has let go of the connection' });
  });

  await t.test('holds everything in a black hole and lets it go afterwards', async (t) => {
    await using proxy = await startTcpProxy(target);
    const client = connectTcp(proxy.port, '127.0.0.1');
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    client.write('before');
    await until(() => received === 'before', { what: 'the echo came back' });
    proxy.setBlackHole(true);
    client.write(' after');
    const other = connectTcp(target.port, '127.0.0.1');
    other.write('a whole round trip past the proxy');
    await once(other, 'data');
    t.equal(received, 'before');
    proxy.setBlackHole(false);
    await until(() => received === 'before after', { what: 'the held bytes arrive' });
    client.destroy();
    other.destroy();
  });

  await t.test('resets connections on demand', async (t) => {
    await using proxy = await startTcpProxy(target);
    const client = connectTcp(proxy.port, '127.0.0.1');
    client.write('x');
    await once(client, 'data');
    proxy.resetConnections();
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    t.equal(error.code, 'ECONNRESET');
  });
});

t.test('until', async (t) => {
  await t.test('gives what the probe found', async (t) => {
    let looks = 0;
    t.equal(
      await until(() => (looks++ > 2 ? looks : undefined), { what: 'there were some looks', everyMs: 1 }),
      4,
    );
  });

  await t.test('says what it waited for, and the last error', async (t) => {
    const boom = new Error('boom');
    const failing = (): never => {
      throw boom;
    };
    const wait = until(failing, { what: 'pigs fly', timeoutMs: 10, everyMs: 1 });
    await t.rejects(wait, { message: /waiting until pigs fly/, cause: boom });
  });
});

async function addMessage(url: string): Promise<void> {
  const client = await connect({ servers: url });
  const manager = await client.jetstreamManager();
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
  await client.jetstream().publish('kept', 'x');
  await client.close();
}

async function countMessages({ url }: NatsServer): Promise<number> {
  const client: NatsConnection = await connect({ servers: url });
  const manager = await client.jetstreamManager();
  const { state } = await manager.streams.info('KEPT');
  await client.close();
  return state.messages;
}
