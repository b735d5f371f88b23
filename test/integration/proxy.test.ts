import t from 'tap';
import type { Result } from '../../src/doctor/check.js';
import { runDoctor } from '../support/doctor.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

// Nothing listens there: whatever went through a proxy would fail.
const env = { HTTPS_PROXY: 'http://user:proxy-secret@127.0.0.1:1', http_proxy: 'http://127.0.0.1:1' };
const names = ['HTTPS_PROXY', 'http_proxy'];

t.test('a proxy in the environment is ignored in words, and its password is shown nowhere', async (t) => {
  await using bed = await startTestbed();
  await bed.control.feed('vod-events', [{ body: deletionBody({ MediaId: 'a' }) }]);
  const worker = await bed.startWorker({}, 'both', env);
  const line = await worker.waitForLog(({ message }) => /^proxy variables ignored/.test(String(message)));
  t.same(line['variables'], names);
  await until(async () => (await bed.control.state()).queues['vod-events']?.deleted === 1, {
    what: 'the message is relayed over direct connections',
  });

  const { code, stdout } = await runDoctor(bed, {}, ['--json'], env);
  const row = (JSON.parse(stdout) as Result[]).find(({ id }) => id === 'proxy');
  t.match(row, { area: 'network', status: 'warn', what: 'HTTPS_PROXY, http_proxy are ignored' });
  t.equal(code, 0, 'a warning');
  t.notMatch(worker.stdout + worker.stderr + stdout, 'proxy-secret');
});

t.test('without one there is no word of proxies', async (t) => {
  await using bed = await startTestbed();
  const worker = await bed.startWorker({}, 'both', { HTTPS_PROXY: '' });
  await until(async () => (await bed.control.state()).queues['vod-events'] !== undefined, {
    what: 'it runs',
  });
  await worker.waitForLog(({ message }) => message === 'MNS receive started');
  t.notMatch(worker.stdout, 'proxy');
  const { stdout } = await runDoctor(bed, {}, ['--json']);
  t.notMatch(stdout, '"proxy"');
});
