import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { startHttpServer, type Route } from '../../../src/operate/http-server.js';

async function open(
  test: Test,
  routes: Record<string, Route>,
  onFailure: (path: string, error: unknown) => void = (_path, error) => test.fail(String(error)),
): Promise<{ url: string; port: number }> {
  const server = await startHttpServer(
    { host: '127.0.0.1', port: 0 },
    new Map(Object.entries(routes)),
    onFailure,
  );
  test.teardown(() => server.close());
  return { url: `http://127.0.0.1:${server.port}`, port: server.port };
}

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
    startHttpServer({ host: '127.0.0.1', port }, new Map(), () => undefined),
    {
      message: `cannot listen on 127.0.0.1:${port} (EADDRINUSE): set http.port to a free port, or to 0 for any, and http.host to an address of this machine`,
    },
  );
  await t.rejects(
    startHttpServer({ host: '192.0.2.1', port: 0 }, new Map(), () => undefined),
    { message: /EADDRNOTAVAIL/ },
  );
});
