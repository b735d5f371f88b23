import { rmSync } from 'node:fs';

import t from 'tap';
import { parse } from 'yaml';

import { configCommand } from '../../../src/commands/config.js';
import { leavesOf, variableOf } from '../../../src/config/schema/leaf.js';
import { queueSchema } from '../../../src/config/schema/queue.js';
import { rootSchema } from '../../../src/config/schema/root.js';
import { configTable } from '../../../src/config/schema/table.js';
import { aFile, aMinimum, scratchFolder } from './sources.js';

t.teardown(() => {
  rmSync(scratchFolder, { recursive: true, force: true });
});

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  let output = '';
  const stdout = { write: (text: string) => (output += text) };
  await configCommand({ env, stdout }).parseAsync([...args], { from: 'user' });
  return output;
}

t.test('check says how many queues there are', async (t) => {
  const [queue] = aMinimum().queues;
  const second = { ...queue, name: 'dead', mode: 'replay' };
  t.equal(await run(['check', '--config', aFile(aMinimum())]), 'ok: 1 queue, 1 live\n');
  const two = aFile({ queues: [queue, second] });
  t.equal(await run(['check', '--config', aFile(aMinimum()), '--config', two]), 'ok: 2 queues, 1 live\n');
});

t.test('check and print reject a configuration that cannot be used', async (t) => {
  for (const name of ['check', 'print']) {
    await t.rejects(run([name], { VOD_RELAY_LOG_LEVEL: 'loud' }), { code: 'CONFIG_INVALID' });
  }
});

t.test('print shows every value in force with its source', async (t) => {
  const file = aFile({
    ...aMinimum(),
    credentials: { type: 'access_key', accessKeyId: 'id', accessKeySecret: 'very-secret' },
  });
  const env = {
    VOD_RELAY_STOP_GRACE: '10s',
    VOD_RELAY_NATS_SERVERS: 'tls://n',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:very-secret@collector:4318',
  };
  const output = await run(['print', '--config', file], env);
  const lines = output.split('\n').map((line) => line.trim());
  t.ok(lines.includes(`- name: vod-events # ${file}`));
  t.ok(lines.includes('wait: 20s # default'));
  t.ok(lines.includes('grace: 10s # VOD_RELAY_STOP_GRACE'));
  t.ok(lines.includes('quietPeriod: 24h # default'));
  t.ok(lines.includes(`accessKeySecret: (set) # ${file}`));
  t.match(output, /servers:\n\s+# VOD_RELAY_NATS_SERVERS\n\s+- tls:\/\/n\n/);
  t.match(output, /\n# traces are exported: OTEL_EXPORTER_OTLP_ENDPOINT\n$/);
  t.notMatch(output, 'very-secret');
  t.notMatch(output, 'roleSessionName', 'a key of another type is left out');
  const { queues, ...root } = parse(output) as { queues: object[] };
  t.equal(queues.length, 1);
  t.match(root, { nats: { prefix: 'vod', auth: { type: 'none' } }, dedupe: { horizon: 'auto' } });
});

t.test('print can be loaded again where no secret is set', async (t) => {
  const printed = await run(['print', '--config', aFile(aMinimum())]);
  t.same(parse(await run(['print', '--config', aFile(printed)])), parse(printed));
});

t.test('print shows the credentials of a queue only where it has its own', async (t) => {
  const [queue] = aMinimum().queues;
  const own = { ...queue, name: 'own', credentials: { type: 'ecs_ram_role', roleName: 'other' } };
  const printed = await run(['print', '--config', aFile({ ...aMinimum(), queues: [queue, own] })]);
  const { queues } = parse(printed) as { queues: { credentials?: unknown }[] };
  t.same(
    queues.map(({ credentials }) => credentials),
    [undefined, { type: 'ecs_ram_role', roleName: 'other' }],
  );
});

t.test('docs has one row for every key, with its variable', async (t) => {
  const table = await run(['docs']);
  t.equal(table, configTable());
  const rows = table.trimEnd().split('\n').slice(2);
  for (const [key] of leavesOf(rootSchema)) {
    t.equal(
      rows.filter((row) => row.startsWith(`| \`${key}\` |`) && row.includes(`\`${variableOf(key)}\``)).length,
      1,
    );
  }
  for (const [key] of leavesOf(queueSchema)) {
    t.equal(rows.filter((row) => row.startsWith(`| \`queues[].${key}\` |`)).length, 1, key);
  }
  t.equal(rows.length, leavesOf(rootSchema).length + leavesOf(queueSchema).length);
  for (const row of rows) t.equal(row.split(/(?<!\\)\|/).length, 7, 'five cells');
});

t.test('variables follow from keys', (t) => {
  t.equal(variableOf('nats.maxPublishesInFlight'), 'VOD_RELAY_NATS_MAX_PUBLISHES_IN_FLIGHT');
  t.equal(variableOf('followUp.callsPerSecond'), 'VOD_RELAY_FOLLOW_UP_CALLS_PER_SECOND');
  const all = leavesOf(rootSchema).map(([key]) => variableOf(key));
  t.equal(new Set(all).size, all.length, 'no two keys share one');
  t.end();
});
