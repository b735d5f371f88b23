/** The samples of the pages, run as the user that the page gives them. */
import { join } from 'node:path';
import { AckPolicy, connect, type JetStreamManager } from 'nats';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { ledgerRows, ledgerText } from '../../src/demo/report.js';
import { documentedSamples } from '../../src/demo/messages.js';
import { config as accounts, connectAs, seedFileOf } from '../contract/nats-roles.js';
import { freshPages } from '../support/fresh-pages.js';
import { codeBlocks, fencedBlocks, pages, readPage } from '../support/pages.js';
import { firstLine } from '../support/sample.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

const rrsa = {
  ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1234567890123456:role/relay',
  ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/ack',
  ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/secrets/token',
};

/**
 * Where each kind of sample is run. Generated pages quote the help of commands, whose samples are tests of
 * these.
 */
const runBy: Readonly<Record<string, readonly string[]>> = {
  'README.md': ['mermaid', 'sh', 'text', 'yaml', 'js'],
  'docs/consume.md': ['text', 'js', 'json'],
  'docs/dead-letters.md': ['sh'],
  'docs/doctor.md': ['sh', 'text'],
  'docs/follow-up.md': ['sh'],
  'docs/operate.md': ['yaml', 'sh', 'promql'],
  'docs/replay.md': ['sh', 'yaml'],
  'docs/sandbox.md': ['sh', 'js'],
};

t.test('each sample is of a kind that a test runs', (t) => {
  for (const page of pages.filter((path) => path === 'README.md' || /^docs\/[a-z-]+\.md$/.test(path))) {
    const kinds = new Set(fencedBlocks(page).map(({ language }) => language));
    t.same([...kinds].sort(), [...(runBy[page] ?? [])].sort(), page);
  }
  t.end();
});

t.test('what is generated is fresh (npm run docs writes it)', (t) => {
  for (const [path, text] of freshPages()) t.equal(readPage(path), text, path);
  t.end();
});

t.test('each configuration loads', (t) => {
  const samples = ['README.md', 'docs/operate.md', 'docs/replay.md'].flatMap((page) =>
    codeBlocks(page, 'yaml').map((yaml) => ({ page, yaml })),
  );
  t.equal(samples.length, 3);
  for (const { page, yaml } of samples) {
    const folder = t.testdir({ 'relay.yaml': yaml });
    const config = loadConfig({ files: [join(folder, 'relay.yaml')], env: rrsa, requireLive: true });
    const { queues } = parse(yaml) as { queues: { name: string; mode?: string }[] };
    t.same(
      config.queues.map(({ name, mode }) => ({ name, mode })),
      queues.map(({ name, mode = 'live' }) => ({ name, mode })),
      page,
    );
  }
  t.end();
});

t.test('the README shows the ledger of a demo, line by line', (t) => {
  const [shown = ''] = codeBlocks('README.md', 'text');
  const figures = new Map(
    [...shown.matchAll(/^ {2}(\S.*\S) +(\d+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
  );
  const of = (name: string): number => figures.get(name) ?? -1;
  const ledger = Object.fromEntries(ledgerRows.map(([key, name]) => [key, of(name)]));
  const text = ledgerText(
    {
      balanced: true,
      ledger: ledger as unknown as Parameters<typeof ledgerText>[0]['ledger'],
      messagesPerSecond: of('messages a second'),
      workerCpuMicrosPerMessage: of('worker CPU µs per message'),
      seed: 0,
    },
    '',
  );
  t.equal(shown, `${text}\n`);
  t.match(ledger, { sent: 10_080, lost: 0, sentTwice: 0, leftInTheQueue: 0, withoutOneOutcome: 0 });
  t.end();
});

t.test('the consumer of the README prints the deletion', async (t) => {
  await using bed = await startTestbed();
  await using worker = await relayed(bed);
  const [sample = ''] = codeBlocks('README.md', 'js');
  const manager = await managerOf(t, bed.nats.url);
  await createConsumer(manager, /^\/\/ (nats consumer add .*)$/m.exec(sample)?.[1] ?? '');
  const [event] = await storedEvents(bed.nats.url);
  const line = await firstLine(t, sample, { NATS_URL: bed.nats.url });
  t.equal(
    line,
    `2017-03-20T07:49:17Z success video ${String(event?.event.data['mediaId'])} (event ${event?.event.id ?? ''})`,
  );
  await stopped(t, worker);
});

t.test('the service of docs/consume.md reads as the user that is made for it', async (t) => {
  await using bed = await startTestbed({ nats: { config: accounts } });
  const auth = { type: 'nkey', seedFile: await seedFileOf(bed, 'worker') };
  await using worker = await relayed(bed, { nats: { servers: [bed.nats.url], auth } });
  const operator = await connectAs(bed, 'operator');
  t.teardown(() => operator.close());
  const [command = ''] = codeBlocks('docs/consume.md', 'text');
  await createConsumer(await operator.jetstreamManager(), command.replace(/\\\n/g, ''));
  const message = await (await operator.jetstreamManager()).streams.getMessage('VOD_EVENTS', { seq: 1 });
  const stored = message.json<{ id: string; data: { mediaId: string } }>();
  t.same(stored, JSON.parse(codeBlocks('docs/consume.md', 'json')[0] ?? ''), 'the event is as shown');

  const [sample = ''] = codeBlocks('docs/consume.md', 'js');
  const seed = await seedFileOf(bed, 'consumer');
  const line = await firstLine(t, sample, { NATS_URL: bed.nats.url, NATS_SEED_FILE: seed });
  t.equal(line, `2017-03-20T07:49:17Z deleted video ${stored.data.mediaId} (event ${stored.id})`);
  await stopped(t, worker);
});

t.test('the commands of the pages end well', async (t) => {
  const queues = [{ name: 'vod-events' }, { name: 'vod-events-dlq' }];
  await using bed = await startTestbed({ queues });
  const overrides = { queues: [bed.queue('vod-events'), bed.queue('vod-events-dlq', { mode: 'replay' })] };
  await using worker = await relayed(bed, overrides);
  const config = join(bed.folder, 'config-0.json');
  const shown = pages
    .filter((page) => page === 'README.md' || page.startsWith('docs/'))
    .flatMap((page) => codeBlocks(page, 'sh').flatMap((block) => block.split('\n')))
    .filter((line) => /^vod-relay (?!sandbox|dead-letters)/.test(line));
  t.ok(shown.length >= 10, `${shown.length} commands`);
  for (const line of new Set(shown)) {
    const args = line.trim().split(/ +/).slice(1);
    await using process = startWorkerProcess(args.map((arg) => (arg === 'relay.yaml' ? config : arg)));
    if (args[0] === 'run') {
      await process.waitForLog(({ message }) => message === 'MNS receive started');
      await stopped(t, process);
      continue;
    }
    const { code } = await process.exit;
    if (args[0] === 'doctor')
      t.match(process.stdout, /\d+ passed, |^\[/, 'what fails is what the sandbox lacks');
    else t.equal(code, 0, `${line}: ${process.stderr}`);
  }
  await stopped(t, worker);
});

t.test('the samples of the demo are those that VOD documents, byte for byte', (t) => {
  for (const [name, text] of Object.entries(documentedSamples))
    t.equal(text, readPage(join('test', 'fixtures', 'events', `delete-media-complete.${name}.json`)), name);
  t.end();
});

/** A worker that has relayed the deletion of VOD's documentation. */
async function relayed(bed: Testbed, overrides: object = {}): Promise<WorkerProcess> {
  const vod = { region: 'cn-shanghai', account: '1234567890123456', endpoint: bed.sandbox.url };
  const worker = await bed.startWorker({ queues: [bed.queue('vod-events', { vod })], ...overrides });
  await bed.control.feed('vod-events', [{ body: documentedSamples.success }]);
  await until(async () => (await bed.control.state()).queues['vod-events']?.deleted === 1, {
    what: 'the event is relayed',
  });
  return worker;
}

async function stopped(t: Test, worker: WorkerProcess): Promise<void> {
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
}

async function managerOf(t: Test, url: string): Promise<JetStreamManager> {
  const connection = await connect({ servers: url });
  t.teardown(() => connection.close());
  return await connection.jetstreamManager();
}

/** The effect of `nats consumer add`, for the flags that the pages use. */
async function createConsumer(manager: JetStreamManager, command: string): Promise<void> {
  const [, stream = '', name = '', flags = ''] =
    /^nats consumer add (\S+) (\S+) (.+)$/.exec(command.trim()) ?? [];
  const [, filter = ''] = /--filter='([^']+)'/.exec(flags) ?? [];
  if (!/--pull --ack=explicit/.test(flags)) throw new Error(`not a durable pull consumer: ${command}`);
  await manager.consumers.add(stream, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    filter_subject: filter,
  });
}
