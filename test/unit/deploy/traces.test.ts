/** deploy/k8s/traces: what an overlay gets that names it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import type { NetworkPolicyEgressRule, NetworkPolicySpec } from 'kubernetes-types/networking/v1.js';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { renderedPath } from '../../../deploy/k8s/rendered.mjs';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import { readTraces } from '../../../src/config/read/traces.js';
import { schemaFaults, type Manifest } from './kubernetes-schema.js';

const folder = join(projectRoot, 'deploy', 'k8s');
const kustomization = readFileSync(join(folder, 'traces', 'kustomization.yaml'), 'utf8');
const { patches } = parse(kustomization) as { patches: { target: { kind: string }; patch: string }[] };
const { spec } = parse(patchOf('Deployment')) as { spec: DeploymentSpec };
const [{ name: container, env = [] } = { name: '' }] = spec.template.spec?.containers ?? [];
const [added, ...more] = parse(patchOf('NetworkPolicy')) as {
  op: string;
  path: string;
  value: NetworkPolicyEgressRule;
}[];
const single = parseAllDocuments(readFileSync(renderedPath('overlays/single'), 'utf8')).map(
  (document) => document.toJS() as Manifest,
);

t.test('its variables turn traces on, for a collector that the policy lets the pods reach', (t) => {
  const valueOf = (wanted: string): string => env.find(({ name }) => name === wanted)?.value ?? '';
  const values = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  t.match(readTraces(values), { exporter: 'otlp', problems: [] });

  const { hostname, port } = new URL(valueOf('OTEL_EXPORTER_OTLP_ENDPOINT'));
  const [, namespace] = hostname.split('.');
  t.match(added, { op: 'add', path: '/spec/egress/-' });
  t.same(more, []);
  t.same(added?.value, {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }],
    ports: [{ port: Number(port), protocol: 'TCP' }],
  });
  t.end();
});

t.test('a variable that another one quotes stands above it', (t) => {
  const quoted = env.flatMap(({ value = '' }, index) =>
    [...value.matchAll(/\$\((\w+)\)/g)].map(([, name = '']) => ({ name, index })),
  );
  t.ok(quoted.length > 0);
  for (const { name, index } of quoted)
    t.ok(
      env.slice(0, index).some((each) => each.name === name),
      name,
    );
  t.end();
});

t.test('with it the manifests are as valid as without, and each overlay says how to have it', (t) => {
  const traced = single.map((manifest) => {
    const copy = structuredClone(manifest);
    if (copy.kind === 'Deployment') {
      const { containers } = (copy['spec'] as DeploymentSpec).template.spec ?? { containers: [] };
      t.same(
        containers.map(({ name }) => name),
        [container],
      );
      for (const each of containers) each.env = env;
    }
    if (copy.kind === 'NetworkPolicy' && added) (copy['spec'] as NetworkPolicySpec).egress?.push(added.value);
    return copy;
  });
  t.notSame(traced, single);
  t.same(schemaFaults(traced), []);
  for (const overlay of ['single', 'scaled']) {
    const text = readFileSync(join(folder, 'overlays', overlay, 'kustomization.yaml'), 'utf8');
    const { components = [] } = parse(text.replace('# components:', 'components:')) as {
      components?: string[];
    };
    t.same(
      components.map((path) => existsSync(join(folder, 'overlays', overlay, path, 'kustomization.yaml'))),
      [true],
      overlay,
    );
  }
  t.end();
});

function patchOf(kind: string): string {
  return patches.find(({ target }) => target.kind === kind)?.patch ?? '';
}
