import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import type { PodSpec } from 'kubernetes-types/core/v1.js';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { headLine, renderedPath, targets } from '../../../deploy/k8s/rendered.mjs';
import { loadConfig } from '../../../src/config/load.js';
import { schemaFaults, type Manifest } from './kubernetes-schema.js';
import { podSecurityFaults } from './pod-security.js';

/** The kinds that make pods. */
interface Workload extends Manifest {
  spec: Pick<DeploymentSpec, 'replicas' | 'strategy' | 'template'> &
    Partial<Pick<DeploymentSpec, 'selector'>>;
}

/** The variables that the webhook of ACK sets. */
const rrsa = {
  ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1234567890123456:role/vod-relay',
  ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa',
  ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token',
};

const [single = [], scaled = [], replay = [], doctor = []] = targets.map((target) =>
  manifestsOf(renderedPath(target)),
);
const jobs = [...replay, ...doctor];
const all = [...single, ...scaled, ...jobs];

t.test('the rendered manifests are what kustomize makes of the overlays as they are now', (t) => {
  for (const target of targets) {
    const text = readFileSync(renderedPath(target), 'utf8');
    const end = text.indexOf('\n') + 1;
    t.equal(text.slice(0, end), headLine(text.slice(end)), `${basename(target)}: run deploy/k8s/render.mjs`);
    t.not(headLine(text.slice(end)), headLine(`${text.slice(end)} `), 'another content has another checksum');
  }
  t.end();
});

t.test('every manifest is valid, strictly: no field is unknown, missing or of another type', (t) => {
  t.same(schemaFaults(all), []);
  t.end();
});

t.test('the check of manifests finds each planted mistake', (t) => {
  const deployment = one(single, 'Deployment');
  const autoscaler = one(scaled, 'HorizontalPodAutoscaler');
  const mistakes: [fault: RegExp, manifest: Manifest][] = [
    [/"maxSurg"' does not exist/, edited(deployment, '"maxSurge"', '"maxSurg"')],
    [
      /"readOnlyRootFilesystm"' does not exist/,
      edited(deployment, 'readOnlyRootFilesystem', 'readOnlyRootFilesystm'),
    ],
    [/'string' is not assignable to type 'number'/, edited(deployment, '"replicas":1', '"replicas":"1"')],
    [/'selector' is missing/, edited(deployment, /"selector":\{.*?\}\},/, '')],
    [/"imag"' does not exist/, edited(deployment, '"image"', '"imag"')],
    [/'scaleTargetRef' is missing/, edited(autoscaler, /,"scaleTargetRef":\{.*?\}/, '')],
    [/'spec' is missing/, { ...deployment, spec: undefined }],
    [/no exported member 'Deploymnt'/, { ...deployment, kind: 'Deploymnt' }],
    [/kubernetes-types\/apps\/v2/, { ...deployment, apiVersion: 'apps/v2' }],
  ];
  const faults = schemaFaults(mistakes.map(([, manifest]) => manifest)).join('\n');
  for (const [fault] of mistakes) t.match(faults, fault);
  t.end();
});

t.test('every pod keeps to the restricted level of Pod Security, which the namespace enforces', (t) => {
  for (const { metadata, spec } of workloads(all)) {
    t.same(podSecurityFaults(podOf(spec)), [], metadata.name);
  }
  for (const manifests of [single, scaled]) {
    t.equal(
      one(manifests, 'Namespace').metadata.labels?.['pod-security.kubernetes.io/enforce'],
      'restricted',
    );
  }
  t.end();
});

t.test('the check of Pod Security finds each planted mistake', (t) => {
  const [pod] = workloads(single).map(({ spec }) => podOf(spec));
  const mistakes: Record<string, [before: string, after: string]> = {
    hostNetwork: ['"containers"', '"hostNetwork":true,"containers"'],
    'vod-relay: allowPrivilegeEscalation': [
      '"allowPrivilegeEscalation":false',
      '"allowPrivilegeEscalation":true',
    ],
    'vod-relay: readOnlyRootFilesystem': ['"readOnlyRootFilesystem":true', '"readOnlyRootFilesystem":false'],
    'vod-relay: capabilities.drop': ['"ALL"', '"NET_RAW"'],
    'vod-relay: capabilities.add': ['"drop"', '"add":["SYS_ADMIN"],"drop"'],
    'vod-relay: runAsNonRoot': ['"runAsNonRoot":true,', ''],
    'vod-relay: seccompProfile': ['"RuntimeDefault"', '""'],
    'seccompProfile: Unconfined': ['"RuntimeDefault"', '"Unconfined"'],
    'runAsUser: 0': ['"runAsUser":1000', '"runAsUser":0'],
    'vod-relay: privileged': ['"readOnlyRootFilesystem"', '"privileged":true,"readOnlyRootFilesystem"'],
    'vod-relay: hostPort': ['"containerPort":8080', '"containerPort":8080,"hostPort":8080'],
    'volume config': ['"configMap":{', '"hostPath":{'],
    'vod-relay: resources.limits.memory': ['"memory":"256Mi"', '"cpu":"1"'],
  };
  for (const [fault, [before, after]] of Object.entries(mistakes)) {
    if (!pod) throw new Error('there is no pod');
    t.ok(podSecurityFaults(edited(pod, before, after)).includes(fault), fault);
  }
  t.end();
});

t.test(
  'each configuration in a ConfigMap is one that the worker takes, and stops before the pod is killed',
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'vod-relay-manifests-'));
    t.teardown(() => {
      rmSync(folder, { recursive: true });
    });
    for (const manifests of [single, scaled, replay, doctor]) {
      for (const { metadata, spec } of workloads(manifests)) {
        const { volumes = [], terminationGracePeriodSeconds = 0 } = podOf(spec);
        const name = volumes.find(({ configMap }) => configMap)?.configMap?.name;
        const map = manifests.find((each) => each.kind === 'ConfigMap' && each.metadata.name === name);
        const file = join(folder, 'relay.yaml');
        writeFileSync(file, (map?.['data'] as Record<string, string>)['relay.yaml'] ?? '');
        const { stop, nats } = loadConfig({ files: [file], env: rrsa });
        t.ok(terminationGracePeriodSeconds * 1000 > stop.graceMs + 10_000, metadata.name);
        t.match(nats.auth, { type: 'nkey', seedFile: '/var/run/secrets/nats/seed' });
      }
    }
    t.end();
  },
);

t.test(
  'each workload runs its half, as its own ServiceAccount, with the key of its own user of NATS',
  (t) => {
    const facts = workloads(all).map(({ metadata, spec }) => {
      const { containers, serviceAccountName, volumes = [] } = podOf(spec);
      const secret = volumes.find((volume) => volume.secret)?.secret?.secretName;
      return [
        metadata.name,
        containers[0]?.args?.filter((arg) => !arg.startsWith('/')),
        serviceAccountName,
        secret,
      ];
    });
    t.same(facts, [
      ['vod-relay', ['run', '--config'], 'vod-relay', 'vod-relay-nats'],
      [
        'vod-relay-follow-up',
        ['run', '--role', 'follow-up', '--config'],
        'vod-relay-follow-up',
        'vod-relay-nats-follow-up',
      ],
      ['vod-relay-relay', ['run', '--role', 'relay', '--config'], 'vod-relay-relay', 'vod-relay-nats-relay'],
      [
        'vod-relay-replay',
        ['replay', '--config', '--events', '--since', '2h', '--dry-run'],
        'vod-relay-replay',
        'vod-relay-nats-replay',
      ],
      ['vod-relay', ['doctor', '--config'], 'vod-relay', 'vod-relay-nats'],
    ]);
    for (const { spec } of workloads(all)) {
      const account = all.find(
        ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === podOf(spec).serviceAccountName,
      );
      t.match(account?.metadata, {
        annotations: { 'pod-identity.alibabacloud.com/role-name': /^vod-relay/ },
      });
    }
    t.end();
  },
);

t.test('a Deployment is replaced without a gap, and probed in three ways', (t) => {
  for (const { kind, metadata, spec } of workloads([...single, ...scaled])) {
    t.equal(kind, 'Deployment');
    t.match(spec.strategy, { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }, metadata.name);
    t.match(podOf(spec).containers[0], {
      startupProbe: { httpGet: { path: '/startupz', port: 'http' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
      ports: [{ containerPort: 8080, name: 'http' }],
    });
  }
  t.end();
});

t.test('what selects pods selects those it is meant for', (t) => {
  for (const manifests of [single, scaled]) {
    for (const { spec } of workloads(manifests))
      t.match(spec.template.metadata?.labels, spec.selector?.matchLabels);
    const policy = one(manifests, 'NetworkPolicy')['spec'] as { podSelector: { matchLabels: object } };
    for (const { spec } of workloads([...manifests, ...jobs])) {
      t.match(
        spec.template.metadata?.labels,
        policy.podSelector.matchLabels,
        'the policy takes in all of them',
      );
    }
  }
  const relay = workloads(scaled).find(({ metadata }) => metadata.name === 'vod-relay-relay');
  const { selector } = one(scaled, 'PodDisruptionBudget')['spec'] as { selector: object };
  t.same(selector, relay?.spec.selector, 'the budget is the relay’s');
  for (const { spec } of workloads(jobs))
    t.match(spec.template.metadata?.labels?.['app.kubernetes.io/component'], /^(replay|doctor)$/, 'no Job’s');
  t.match(one(scaled, 'HorizontalPodAutoscaler')['spec'], { scaleTargetRef: { name: 'vod-relay-relay' } });
  t.equal(relay?.spec.replicas, undefined, 'the autoscaler alone says how many');
  const followUp = workloads(scaled).find(({ metadata }) => metadata.name === 'vod-relay-follow-up');
  t.equal(followUp?.spec.replicas, 1);
  t.end();
});

t.test('every image has a version, and no manifest holds a secret', (t) => {
  for (const { spec } of workloads(all)) {
    for (const { image } of podOf(spec).containers) t.match(image, /(:\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$/);
  }
  t.same(
    all.filter(({ kind }) => kind === 'Secret'),
    [],
  );
  t.end();
});

function manifestsOf(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as Manifest);
}

function podOf({ template }: Workload['spec']): PodSpec {
  if (!template.spec) throw new Error('there is no pod');
  return template.spec;
}

function workloads(manifests: readonly Manifest[]): Workload[] {
  return manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job') as Workload[];
}

function one(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...more] = manifests.filter((manifest) => manifest.kind === kind);
  if (!found || more.length > 0) throw new Error(`not one ${kind}, but ${found ? 1 + more.length : 0}`);
  return found;
}

/** The same with its JSON text changed in one place. */
function edited<T>(value: T, before: string | RegExp, after: string): T {
  const text = JSON.stringify(value);
  const changed = text.replace(before, after);
  if (changed === text) throw new Error(`nothing to change: ${String(before)}`);
  return JSON.parse(changed) as T;
}
