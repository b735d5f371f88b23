/** deploy/README.md, held against what it tells the operator to use. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import { nkeys } from 'nats';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { renderedPath, targets } from '../../../deploy/k8s/rendered.mjs';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import type { LineSpec } from '../../../src/operate/log-lines/line.js';
import { logLines } from '../../../src/operate/log-lines/log-lines.js';
import type { Manifest } from './kubernetes-schema.js';

const deploy = join(projectRoot, 'deploy');
const messages = new Set(Object.values<LineSpec>(logLines).map(({ message }) => message));
const page = readFileSync(join(deploy, 'README.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
const commands = blocks.flatMap(([, language, code = '']) => (language === 'sh' ? [code] : []));
const pods = targets.flatMap((target) =>
  parseAllDocuments(readFileSync(renderedPath(target), 'utf8'))
    .map((document) => document.toJS() as Manifest)
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ kind, metadata, spec }) => ({ kind, name: metadata.name, ...(spec as DeploymentSpec) })),
);

t.test('each path that the page names is there', (t) => {
  const inText = [...page.matchAll(/`([a-z0-9-]+\/(?:[\w*./-]*\w)?)\/?`/g)].map(([, path = '']) => path);
  const inCommands = commands.flatMap((code) => code.match(/deploy\/[\w./-]*\w/g) ?? []);
  t.ok(inText.length > 10 && inCommands.length > 4);
  for (const path of inText) t.ok(existsSync(join(deploy, path.replace('*', 'single'))), path);
  for (const path of inCommands) t.ok(existsSync(join(projectRoot, path)), path);
  t.end();
});

t.test('its commands are about pods, Secrets and variables of nats-server that there are', (t) => {
  const secrets = pods.flatMap(({ template }) =>
    template.spec?.volumes?.map(({ secret }) => secret?.secretName),
  );
  for (const secret of new Set(secrets)) if (secret) t.match(page, `\`${secret}\``);
  for (const [, name = ''] of page.matchAll(/deployment\/([\w-]+)/g))
    t.ok(
      pods.some((pod) => pod.kind === 'Deployment' && pod.name === name),
      name,
    );
  for (const [, label = '', value = ''] of page.matchAll(/--selector ([\w./-]+)=([\w-]+)/g))
    t.ok(
      pods.some(({ template }) => template.metadata?.labels?.[label] === value),
      `${label}=${value}`,
    );
  const [, users = ''] = /^for user in (.*); do$/m.exec(page) ?? [];
  const accounts = readFileSync(join(deploy, 'nats', 'accounts.conf'), 'utf8');
  const wanted = [...accounts.matchAll(/nkey: \$NATS_(\w+)_NKEY/g)].map(([, name = '']) => name);
  t.same(
    users.split(' ').map((user) => user.toUpperCase().replace('-', '_')),
    wanted,
  );
  t.end();
});

t.test('the command for keys prints a seed of a user, and its public key below', (t) => {
  const [, script = ''] = /-e "\n([^"]+)" >/.exec(page) ?? [];
  const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: projectRoot, encoding: 'utf8' });
  const [seed = '', publicKey = '', ...rest] = stdout.split('\n');
  t.same(rest, [''], 'two lines');
  t.match(publicKey, /^U/);
  const { fromSeed } = nkeys as { fromSeed: (seed: Uint8Array) => { getPublicKey: () => string } };
  t.equal(fromSeed(new TextEncoder().encode(seed)).getPublicKey(), publicKey);
  t.end();
});

t.test('the command for the Operator wraps the alert rules, and the PodMonitor finds the pods', (t) => {
  const wrap = commands.find((code) => code.includes('PrometheusRule')) ?? '';
  const { stdout } = spawnSync('sh', ['-c', wrap.replace('| kubectl apply --namespace vod-relay -f -', '')], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const rules: unknown = parse(readFileSync(join(deploy, 'prometheus', 'alerts.yaml'), 'utf8'));
  t.match(parse(stdout), { kind: 'PrometheusRule', metadata: { name: 'vod-relay' } });
  t.same((parse(stdout) as { spec: unknown }).spec, rules);

  const [, , yaml = ''] = blocks.find(([, , code = '']) => code.includes('kind: PodMonitor')) ?? [];
  const { spec } = parse(yaml) as {
    spec: { selector: { matchLabels: object }; podMetricsEndpoints: { port: string }[] };
  };
  for (const { template } of pods.filter(({ kind }) => kind === 'Deployment')) {
    t.match(template.metadata?.labels, spec.selector.matchLabels);
    t.match(template.spec?.containers[0]?.ports, [{ name: spec.podMetricsEndpoints[0]?.port }]);
  }
  t.end();
});

t.test('the log line that it waits for is one that the worker writes', (t) => {
  const lines = [...page.matchAll(/`"([^`]+)"`/g)].map(([, line = '']) => line);
  t.ok(lines.length > 0);
  for (const line of lines) t.ok(messages.has(line), line);
  t.end();
});
