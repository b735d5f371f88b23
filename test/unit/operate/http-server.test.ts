import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startHttpServer, type Route } from '../../../src/operate/http-server.js';
import { systemClock } from '../../../src/time.js';
import { manualClock } from '../../support/manual-clock.js';

async function open(
  test: Test,
  routes: Record<string, Route>,
  onFailure: (path: string | undefined, error: unknown) => void = (_path, error) => test.fail(String(error)),
  clock = systemClock,
): Promise<{ url: string; port: number }> {
  const server = await startHttpServer(
    { host: '127.0.0.1', port: 0 },
    new Map(Object.entries(routes)),
    onFailure,
    clock,
  );
  test.teardown(() => server.close());
  return { url: `http://127.0.0.1:${server.port}`, port: server.port };
}

/** More than the kernel holds for a connection. */
const large: Route = () => ({ status: 200, contentType: 'text/plain', body: 'x'.repeat(100_000) });
const hello: Route = () => ({ status: 200, contentType: 'text/x-hello', body: 'hellö' });

t.test('GET and HEAD on a path give its answer, whatever the query', async (t) => {
  const { url } = await open(t, { '/hello': hello });
  for (const path of ['/hello', '/hello?a=b', '/hello?']) {
    const response = await fetch(url + path);
    t.equal(response.status, 200);
    t.equal(response.headers.get('content-type'), 'text/x-hello');
    t.equal(response.headers.get('cache-control'), 'no-store');
    t.equal(await response.text(), 'hellö');
  }
  const head = await fetch(`${url}/hello`, { method: 'HEAD' });
  t.same([head.status, head.headers.get('content-length'), await head.text()], [200, '6', '']);
});

t.test('everything else is refused', async (t) => {
  const fails: Route = () => Promise.reject(new Error('secret'));
  const failures: unknown[] = [];
  const { url } = await open(t, { '/hello': hello, '/fails': fails }, (...failure) => failures.push(failure));
  const rows: [method: string, path: string, status: number][] = [
    ['GET', '/', 404],
    ['GET', '/hello/', 404],
    ['GET', '/hello/x', 404],
    ['GET', '//hello', 404],
    ['POST', '/hello', 405],
    ['DELETE', '/other', 405],
    ['GET', '/fails', 500],
  ];
  for (const [method, path, status] of rows) {
    const response = await fetch(url + path, { method });
    t.equal(response.status, status, `${method} ${path}`);
    t.notMatch(await response.text(), 'secret');
  }
  t.match(failures, [['/fails', { message: 'secret' }]], 'the operator is told');
  t.equal((await fetch(`${url}/hello`, { method: 'PUT' })).headers.get('allow'), 'GET, HEAD');
});

t.test('whoever does not finish a request is cut off, and others are answered meanwhile', async (t) => {
  const { url, port } = await open(t, { '/hello': hello });
  const slow = connect({ host: '127.0.0.1', port });
  t.teardown(() => slow.destroy());
  slow.resume();
  slow.write('GET /hello HTTP/1.1\r\nhost: x\r\nx-slow: ');
  const ended = once(slow, 'close');
  t.equal((await fetch(`${url}/hello`)).status, 200);
  await ended;
});

t.test('a header that is too long is refused', async (t) => {
  const { url } = await open(t, { '/hello': hello });
  t.equal((await fetch(`${url}/hello`, { headers: { 'x-long': 'x'.repeat(20_000) } })).status, 431);
});

t.test('an address that cannot be listened on is told with the setting', async (t) => {
  const { port } = await open(t, {});
  await t.rejects(
    startHttpServer({ host: '127.0.0.1', port }, new Map(), () => undefined, systemClock),
    {
      message: `cannot listen on 127.0.0.1:${port} (EADDRINUSE): set http.port to a free port, or to 0 for any, and http.host to an address of this machine`,
    },
  );
  await t.rejects(
    startHttpServer({ host: '192.0.2.1', port: 0 }, new Map(), () => undefined, systemClock),
    { message: /EADDRNOTAVAIL/ },
  );
});

t.test('a probe is answered whatever else is connected', async (t) => {
  const rows: [name: string, connections: number, sent: string][] = [
    ['connections that say nothing', 135, ''],
    ['requests that never end', 135, 'GET /hello HTTP/1.1\r\nhost: x\r\nx-slow: '],
    ['connections kept open after an answer', 135, 'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['answers that are never read', 135, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['many requests at once, unread', 2, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(20)],
    ['what is no HTTP', 135, '\x16\x03\x01\x02\x00\x01\x00\x01'],
    ['headers without end', 5, `GET /hello HTTP/1.1\r\n${'x-big: 1\r\n'.repeat(5_000)}`],
  ];
  for (const [name, connections, sent] of rows) {
    const { url, port } = await open(t, { '/hello': hello, '/large': large });
    const crowd = await Promise.all(Array.from({ length: connections }, () => crowded(port, sent)));
    for (let n = 0; n < 3; n++) t.equal((await fetch(`${url}/hello`)).status, 200, name);
    for (const socket of crowd) socket.destroy();
  }
});

t.test('an answer that is not read within ten seconds is given up', async (t) => {
  const clock = manualClock(0);
  const size = 12_000_000;
  const huge: Route = () => ({ status: 200, contentType: 'text/plain', body: 'x'.repeat(size) });
  const { port } = await open(t, { '/huge': huge }, undefined, clock);
  const socket = await crowded(port, 'GET /huge HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  clock.advance(10_000);
  socket.resume();
  // Not `once`, which rejects for the reset.
  await new Promise((resolve) => socket.once('close', resolve));
  t.ok(socket.bytesRead < size, 'the rest of it is not sent');
});

t.test('connections that come and go by the thousand leave none behind', async (t) => {
  const { url, port } = await open(t, { '/hello': hello });
  const left: Socket[] = [];
  for (let round = 0; round < 3; round++) {
    const crowd = await Promise.all(Array.from({ length: 135 }, () => crowded(port, '')));
    t.equal((await fetch(`${url}/hello`)).status, 200);
    if (round % 2 === 0) for (const socket of crowd) socket.destroy();
    else left.push(...crowd);
  }
  t.equal((await fetch(`${url}/hello`)).status, 200);
  for (const socket of left) socket.destroy();
});

/** A connection that sends this and reads nothing. */
async function crowded(port: number, sent: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(sent);
  return socket;
}
