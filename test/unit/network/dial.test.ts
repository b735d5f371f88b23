import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { dial } from '../../../src/network/dial.js';
import { systemClock as clock } from '../../../src/time.js';
import { startSilentServer } from '../../support/silent-server.js';

const families = (...addresses: string[]) => ({
  addressesOf: () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))),
});

t.test('an address that is silent costs no more than the start of the next', async (t) => {
  await using silent = await startSilentServer('127.0.0.2');
  const server = createServer().listen(silent.port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const socket = await dial('host.test', silent.port, {
    clock,
    withinMs: 20_000,
    ...families('127.0.0.2', '127.0.0.1'),
  });
  t.equal(socket.remoteAddress, '127.0.0.1');
  socket.destroy();
});

t.test('an address may take as long as the connection as a whole', async (t) => {
  await using far = await startSilentServer('127.0.0.2');
  const dialling = dial('host.test', far.port, {
    clock,
    withinMs: 60_000,
    ...families('127.0.0.2', '127.0.0.3'),
  });
  far.resume();
  const socket = await dialling;
  t.equal(socket.remoteAddress, '127.0.0.2', 'the other one refused meanwhile, which ended nothing');
  socket.destroy();
});

t.test('the error has each address, and how it failed', async (t) => {
  await using silent = await startSilentServer('127.0.0.2');
  const { port } = silent;
  await t.rejects(
    dial('host.test', port, { clock, withinMs: 1_500, ...families('127.0.0.2', '127.0.0.3') }),
    {
      code: 'ETIMEDOUT',
      message: `no connection to host.test:${port} within 1500 ms: 127.0.0.2 no answer, 127.0.0.3 ECONNREFUSED`,
    },
  );
  await t.rejects(
    dial('host.test', port, { clock, withinMs: 20_000, ...families('127.0.0.3', '127.0.0.4') }),
    {
      code: 'ECONNREFUSED',
      message: `no connection to host.test:${port}: 127.0.0.3 ECONNREFUSED, 127.0.0.4 ECONNREFUSED`,
    },
  );
  const noName = { addressesOf: () => new Promise<never>(() => undefined) };
  await t.rejects(dial('host.test', port, { clock, withinMs: 1, ...noName }), {
    code: 'ETIMEDOUT',
    message: `no connection to host.test:${port} within 1 ms: its name was not resolved`,
  });
});

t.test('an attempt ends with its use', async (t) => {
  await using silent = await startSilentServer();
  const ending = new AbortController();
  const dialling = dial('127.0.0.1', silent.port, { clock, withinMs: 60_000, signal: ending.signal });
  ending.abort(new Error('the poll is cut'));
  await t.rejects(dialling, { message: 'the poll is cut' });
});

t.test('the families take turns, the first one first', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const all = families('127.0.0.2', '127.0.0.3', '::1', '::2');
  await t.rejects(dial('host.test', port, { clock, withinMs: 20_000, ...all }), {
    message: /127\.0\.0\.2 \w+, ::1 \w+, 127\.0\.0\.3 \w+, ::2 \w+$/,
  });
});
