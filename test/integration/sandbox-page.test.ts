/** docs/sandbox.md, held against the sandbox. */
import t from 'tap';
import { routes } from '../../src/sandbox/control/routes.js';
import { mnsKinds, vodKinds } from '../../src/sandbox/faults/rules.js';
import { codeBlocks, tableRows } from '../support/pages.js';
import { firstLine } from '../support/sample.js';
import { until } from '../support/until.js';
import { startWorkerProcess } from '../support/worker-process.js';

const page = 'docs/sandbox.md';

t.test('the sandbox does what its page says', async (t) => {
  const [start = '', control = ''] = codeBlocks(page, 'sh');
  const args = start.trim().replace('--port 8787', '--port 0').split(' ').slice(1);
  await using sandbox = startWorkerProcess([...args, '--json']);
  const told = await until(() => sandbox.stdout.includes('\n') && sandbox.stdout, { what: 'it has started' });
  const { url, ...rest } = JSON.parse(told) as { url: string };
  const settings = Object.fromEntries(tableRows(page, 'Setting').map(([name = '', value]) => [name, value]));
  t.match(rest, {
    accountId: settings['account'],
    accessKeyId: settings['access key id'],
    accessKeySecret: settings['access key secret'],
    queues: ['vod-events'],
  });

  const [sample = ''] = codeBlocks(page, 'js');
  t.equal(await firstLine(t, sample, { MNS_ENDPOINT: url }), 'received hello, attempt 1');
  const lines = control.trim().split('\n');
  t.ok(lines.length > 4);
  for (const line of lines) {
    const { method, target, body } = curl(line.replace('http://127.0.0.1:8787', url));
    const response = await fetch(target, { method, ...(body !== undefined && { body }) });
    t.equal(response.status, 200, line);
  }

  await t.test('with each fault', async (t) => {
    const rows = tableRows(page, 'Kind');
    const services = Object.fromEntries(rows.map(([kind = '', service]) => [kind, service]));
    const kinds = [...new Set([...Object.keys(mnsKinds), ...Object.keys(vodKinds)])];
    const has = (kind: string): string =>
      [kind in mnsKinds && 'MNS', kind in vodKinds && 'VOD'].filter(Boolean).join(', ');
    t.same(services, Object.fromEntries(kinds.map((kind) => [kind, has(kind)])));
    for (const [kind = '', , , rule = ''] of rows) {
      t.equal((JSON.parse(rule) as { kind: string }).kind, kind);
      const response = await fetch(`${url}/sandbox/faults`, { method: 'PUT', body: `[${rule}]` });
      t.equal(response.status, 200, rule);
    }
  });

  const listed = tableRows(page, 'Request').map(([request]) => request);
  t.same([...listed].sort(), Object.keys(routes).sort(), 'each request to the control API');
  await using help = startWorkerProcess(['sandbox', '--help']);
  await help.exit;
  t.same(
    tableRows(page, 'Flag').map(([flag]) => flag),
    [...help.stdout.matchAll(/^ {2}(--\S+(?: <\w+>)?)/gm)].map(([, flag]) => flag),
    'each flag',
  );
  sandbox.kill();
  t.same(await sandbox.exit, { code: 0, signal: null });
});

/** The request of curl, for the flags that the page uses. */
function curl(line: string): { method: string; target: string; body: string | undefined } {
  const [, method, target = '', body] =
    /^curl -s (?:-X (\w+) )?(http:\S+)(?: -d '([^']*)')?$/.exec(line) ?? [];
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), target, body };
}
