import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { parse } from 'yaml';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { documentedSamples } from '../../src/demo/messages.js';
import { loadConfig } from '../../src/config/load.js';
import { codeBlocks, freshReadme, readmePath } from '../support/readme.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';

t.test('the generated parts of the README are fresh (npm run docs writes them)', async (t) => {
  t.equal(await readFile(readmePath, 'utf8'), freshReadme());
});

t.test('the configuration in the README loads, and is what its comments say', async (t) => {
  const [yaml = ''] = codeBlocks('yaml');
  const folder = t.testdir({ 'relay.yaml': yaml });
  const rrsa = {
    ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1234567890123456:role/relay',
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/ack',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/secrets/token',
  };
  const config = loadConfig({ files: [join(folder, 'relay.yaml')], env: rrsa, requireLive: true });
  const written = parse(yaml) as { queues: { name: string }[] };
  t.same(
    config.queues.map(({ name, mode }) => `${name} ${mode}`),
    [`${written.queues[0]?.name ?? ''} live`, `${written.queues[1]?.name ?? ''} replay`],
  );
});

t.test('the consumer in the README gets the event that the README shows', async (t) => {
  await using bed = await startTestbed();
  const vod = { region: 'cn-shanghai', account: '1234567890123456', endpoint: bed.sandbox.url };
  const worker = await bed.startWorker({
    queues: [bed.queue('vod-events', { vod })],
  });
  await bed.control.feed('vod-events', [{ body: documentedSamples.success }]);
  const stored = await until(
    async () => {
      const [first] = await storedEvents(bed.nats.url);
      return first;
    },
    { what: 'the event is stored' },
  );
  const [shown = ''] = codeBlocks('json');
  t.same(stored.event, JSON.parse(shown));

  // In a folder of the project, so that the sample finds the package.
  const folder = join(projectRoot, '.cache', `readme-${process.pid}`);
  await mkdir(folder, { recursive: true });
  t.teardown(() => rm(folder, { recursive: true }));
  const [sample = ''] = codeBlocks('js');
  await writeFile(join(folder, 'consume.mjs'), sample);
  const consumer = spawn(process.execPath, [join(folder, 'consume.mjs')], {
    env: { NATS_URL: bed.nats.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => consumer.kill());
  const [line] = (await once(createInterface({ input: consumer.stdout }), 'line')) as [string];
  const { id, data } = stored.event;
  t.equal(line, `2017-03-20T07:49:17Z deleted video ${String(data['mediaId'])} (event ${id})`);
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
});

t.test('the samples of the demo are those that VOD documents, byte for byte', async (t) => {
  for (const [name, text] of Object.entries(documentedSamples)) {
    const file = join(projectRoot, 'test', 'fixtures', 'events', `delete-media-complete.${name}.json`);
    t.equal(text, await readFile(file, 'utf8'), name);
  }
});
