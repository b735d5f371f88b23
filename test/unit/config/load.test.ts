import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import t from 'tap';

import type { Config } from '../../../src/config/config.js';
import { loadConfig, loadConfigFromProcess } from '../../../src/config/load.js';
import { aFile, aMinimum, scratchFolder } from './sources.js';

t.teardown(() => {
  rmSync(scratchFolder, { recursive: true, force: true });
});

function load(contents: readonly unknown[], env: Record<string, string> = {}): Config {
  return loadConfig({ files: contents.map(aFile), env });
}

t.test('what is left out has its default, in milliseconds', (t) => {
  t.same(load([aMinimum()]), {
    queues: [
      {
        name: 'vod-events',
        endpoint: 'https://1.mns.cn-shanghai.aliyuncs.com',
        allowPlainHttp: false,
        vod: { region: 'cn-shanghai', account: '1', endpoint: 'https://vod.cn-shanghai.aliyuncs.com' },
        mode: 'live',
        credentials: { type: 'ecs_ram_role' },
        receive: {
          batch: 16,
          waitMs: 20_000,
          maxInFlight: 2000,
          pollers: { min: 1, max: 16 },
          maxLeaseMs: 600_000,
        },
        ack: { batch: 16, lingerMs: 5 },
      },
    ],
    nats: {
      servers: ['tls://nats.example.com'],
      allowPlaintext: false,
      name: 'vod-relay',
      prefix: 'vod',
      manageStreams: true,
      streamReplicas: 1,
      retention: {
        eventsMs: 14 * 86_400_000,
        followUpsMs: 14 * 86_400_000,
        deadLettersMs: 30 * 86_400_000,
      },
      maxPublishesInFlight: 1024,
      ackTimeoutMs: 5000,
      auth: { type: 'none' },
      tls: { handshakeFirst: false },
    },
    dedupe: { horizonMs: 'auto' },
    foreignEvents: 'forward',
    maxAttempts: 10,
    followUp: {
      policy: 'orphans',
      callsPerSecond: 10,
      quietPeriodMs: 86_400_000,
      guard: true,
      maxAttempts: 10,
    },
    http: { host: '0.0.0.0', port: 8080 },
    stop: { graceMs: 25_000 },
    log: { level: 'info' },
    traces: { exporter: 'none' },
  });
  t.end();
});

t.test('the result is frozen to its depth', (t) => {
  const thawed: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) thawed.push(path);
    for (const [key, each] of Object.entries(value)) visit(each, `${path}.${key}`);
  };
  visit(load([aMinimum()]), 'config');
  t.same(thawed, []);
  t.end();
});

t.test('a later file is stronger than an earlier one, and a variable than both', (t) => {
  const files = [
    { ...aMinimum(), log: { level: 'warn' }, stop: { grace: '1s' }, maxAttempts: 3 },
    { log: { level: 'error' }, stop: { grace: '2s' } },
  ];
  const config = load(files, { VOD_RELAY_LOG_LEVEL: 'debug' });
  t.equal(config.log.level, 'debug');
  t.equal(config.stop.graceMs, 2000);
  t.equal(config.maxAttempts, 3);
  t.end();
});

t.test('VOD_RELAY_CONFIG names the files when nobody else does', (t) => {
  const weak = aFile({ ...aMinimum(), maxAttempts: 3 });
  const strong = aFile({ maxAttempts: 4 });
  const env = { VOD_RELAY_CONFIG: `${weak}, ${strong}` };
  t.equal(loadConfig({ files: [], env }).maxAttempts, 4);
  t.equal(loadConfig({ files: [weak], env }).maxAttempts, 3);
  t.end();
});

t.test('variables alone are enough', (t) => {
  const config = load([], {
    VOD_RELAY_QUEUES: JSON.stringify(aMinimum().queues),
    VOD_RELAY_CREDENTIALS_TYPE: 'access_key',
    VOD_RELAY_CREDENTIALS_ACCESS_KEY_ID: 'id',
    VOD_RELAY_CREDENTIALS_ACCESS_KEY_SECRET: 'secret',
    VOD_RELAY_NATS_SERVERS: 'tls://a.example.com:4222, tls://b.example.com:4222',
    VOD_RELAY_NATS_MANAGE_STREAMS: 'false',
    VOD_RELAY_NATS_STREAM_REPLICAS: '3',
    VOD_RELAY_NATS_ACK_TIMEOUT: '500ms',
    VOD_RELAY_DEDUPE_HORIZON: '7d',
    VOD_RELAY_NATS_NAME: '',
  });
  t.same(config.nats.servers, ['tls://a.example.com:4222', 'tls://b.example.com:4222']);
  t.equal(config.nats.manageStreams, false);
  t.equal(config.nats.streamReplicas, 3);
  t.equal(config.nats.ackTimeoutMs, 500);
  t.equal(config.dedupe.horizonMs, 604_800_000);
  t.equal(config.nats.name, 'vod-relay', 'an empty variable counts as unset');
  t.same(config.queues[0]?.credentials, { type: 'access_key', accessKeyId: 'id', accessKeySecret: 'secret' });
  t.end();
});

t.test('the process environment is what loadConfigFromProcess looks at', (t) => {
  t.equal(
    loadConfigFromProcess([aFile({ ...aMinimum(), maxAttempts: 7 })], { requireLive: true }).maxAttempts,
    7,
  );
  t.end();
});

t.test('each type of credentials has its own keys', (t) => {
  const secretFile = aFile('from-file\r\n');
  const arns = { roleArn: 'acs:ram::1:role/r', oidcProviderArn: 'acs:ram::1:oidc-provider/p' };
  const cases: [given: object, expected: object][] = [
    [
      { type: 'access_key', accessKeyId: 'id', accessKeySecretFile: secretFile },
      {
        type: 'access_key',
        accessKeyId: 'id',
        accessKeySecret: 'from-file',
        accessKeySecretFile: secretFile,
      },
    ],
    [
      { type: 'sts', accessKeyId: 'id', accessKeySecret: 's', securityTokenFile: secretFile },
      {
        type: 'sts',
        accessKeyId: 'id',
        accessKeySecret: 's',
        securityToken: 'from-file',
        securityTokenFile: secretFile,
      },
    ],
    [
      { type: 'oidc_role_arn', ...arns, oidcTokenFile: '/t', stsEndpoint: 'sts.example.com' },
      {
        type: 'oidc_role_arn',
        ...arns,
        oidcTokenFile: '/t',
        roleSessionName: 'vod-relay',
        stsEndpoint: 'sts.example.com',
      },
    ],
    [
      { type: 'ecs_ram_role', roleName: 'worker' },
      { type: 'ecs_ram_role', roleName: 'worker' },
    ],
  ];
  for (const [given, expected] of cases) {
    t.same(load([{ ...aMinimum(), credentials: given }]).queues[0]?.credentials, expected);
  }
  t.end();
});

t.test('a queue may have credentials of its own, with secrets from variables it names', (t) => {
  const [queue] = aMinimum().queues;
  const own = { type: 'access_key', accessKeyId: 'own', accessKeySecretEnv: 'VOD_RELAY_OTHER_SECRET' };
  const queues = [
    { ...queue, name: 'a' },
    { ...queue, name: 'b', credentials: own },
  ];
  const config = load([{ ...aMinimum(), queues }], { VOD_RELAY_OTHER_SECRET: 'from-variable' });
  t.same(config.queues[0]?.credentials, { type: 'ecs_ram_role' });
  t.same(config.queues[1]?.credentials, {
    type: 'access_key',
    accessKeyId: 'own',
    accessKeySecret: 'from-variable',
  });
  t.end();
});

t.test('RRSA takes what ACK injects, unless a key says otherwise', (t) => {
  const env = {
    ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/injected',
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/ack',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/token',
  };
  const rrsa = { type: 'oidc_role_arn', roleArn: 'acs:ram::1:role/own' };
  const expected = {
    type: 'oidc_role_arn',
    roleArn: 'acs:ram::1:role/own',
    oidcProviderArn: 'acs:ram::1:oidc-provider/ack',
    oidcTokenFile: '/var/run/token',
    roleSessionName: 'vod-relay',
  };
  t.same(load([{ ...aMinimum(), credentials: rrsa }], env).queues[0]?.credentials, expected);
  const [queue] = aMinimum().queues;
  const ofQueue = load([{ ...aMinimum(), queues: [{ ...queue, credentials: rrsa }] }], env);
  t.same(ofQueue.queues[0]?.credentials, expected);
  t.same(load([aMinimum()], env).queues[0]?.credentials, { type: 'ecs_ram_role' }, 'other types ignore it');
  t.end();
});

t.test('each type of NATS authentication has its own keys', (t) => {
  const tokenFile = aFile('abc\n');
  const cases: [given: object, expected: object][] = [
    [
      { type: 'creds', file: '/c' },
      { type: 'creds', file: '/c' },
    ],
    [
      { type: 'nkey', seedFile: '/s' },
      { type: 'nkey', seedFile: '/s' },
    ],
    [
      { type: 'token', tokenFile },
      { type: 'token', token: 'abc', tokenFile },
    ],
    [
      { type: 'user', user: 'u', password: 'p' },
      { type: 'user', user: 'u', password: 'p' },
    ],
  ];
  for (const [auth, expected] of cases) {
    t.same(load([{ ...aMinimum(), nats: { servers: ['tls://n'], auth } }]).nats.auth, expected);
  }
  t.end();
});

t.test('a stronger source can take back the type, or the way a secret is given', (t) => {
  const key = { type: 'access_key', accessKeyId: 'id', accessKeySecretFile: '/missing' };
  const roleAbove = load([{ ...aMinimum(), credentials: key }, { credentials: { type: 'ecs_ram_role' } }]);
  t.same(roleAbove.queues[0]?.credentials, { type: 'ecs_ram_role' });
  const secretAbove = load([{ ...aMinimum(), credentials: key }], {
    VOD_RELAY_CREDENTIALS_ACCESS_KEY_SECRET: 's',
  });
  t.match(secretAbove.queues[0]?.credentials, { accessKeyId: 'id', accessKeySecret: 's' });
  t.end();
});

t.test('an endpoint loses its trailing slash, and plain http is for loopback or on request', (t) => {
  const [queue] = aMinimum().queues;
  const endpointOf = (extra: object): string | undefined =>
    load([{ ...aMinimum(), queues: [{ ...queue, ...extra }] }]).queues[0]?.endpoint;
  t.equal(endpointOf({ endpoint: 'https://1.MNS.example.com/' }), 'https://1.mns.example.com');
  for (const host of ['127.0.0.1:80', 'localhost:9000', '[::1]:9000']) {
    t.equal(endpointOf({ endpoint: `http://${host}` }), `http://${host.replace(/:80$/, '')}`);
  }
  t.equal(endpointOf({ endpoint: 'http://mns.example.com', allowPlainHttp: true }), 'http://mns.example.com');
  t.end();
});

t.test('VOD is called in the region of the queue, unless the queue names an endpoint', (t) => {
  const [queue] = aMinimum().queues;
  const endpointOf = (vod: object, extra: object = {}): string | undefined => {
    const element = { ...queue, ...extra, vod: { region: 'cn-shanghai', account: '1', ...vod } };
    return load([{ ...aMinimum(), queues: [element] }]).queues[0]?.vod.endpoint;
  };
  const cases: [vod: object, expected: string][] = [
    [{}, 'https://vod.cn-shanghai.aliyuncs.com'],
    [{ region: 'ap-southeast-1' }, 'https://vod.ap-southeast-1.aliyuncs.com'],
    [{ endpoint: 'https://VOD-VPC.example.com/' }, 'https://vod-vpc.example.com'],
    [{ endpoint: 'http://127.0.0.1:8787' }, 'http://127.0.0.1:8787'],
  ];
  for (const [vod, expected] of cases) t.equal(endpointOf(vod), expected);
  const plain = { endpoint: 'http://vod.example.com' };
  t.equal(endpointOf(plain, { allowPlainHttp: true }), 'http://vod.example.com');
  t.end();
});

t.test('queues may share a VOD, each with credentials of its own', (t) => {
  const [queue] = aMinimum().queues;
  const own = { type: 'access_key', accessKeyId: 'own', accessKeySecret: 's' };
  const spelled = { region: 'cn-shanghai', account: '1', endpoint: 'https://vod.cn-shanghai.aliyuncs.com/' };
  const queues = [queue, { ...queue, name: 'b', vod: spelled, credentials: own }];
  const config = load([{ ...aMinimum(), queues }]);
  t.same(config.queues[0]?.vod, config.queues[1]?.vod);
  t.same(
    config.queues.map(({ credentials }) => credentials.type),
    ['ecs_ram_role', 'access_key'],
  );
  t.end();
});

t.test('the endpoint of VOD may differ where the region or the account does', (t) => {
  const [queue] = aMinimum().queues;
  const vods = [
    { region: 'cn-shanghai', account: '1', endpoint: 'https://a.example.com' },
    { region: 'cn-beijing', account: '1', endpoint: 'https://b.example.com' },
    { region: 'cn-shanghai', account: '2', endpoint: 'https://c.example.com' },
  ];
  const queues = vods.map((vod, index) => ({ ...queue, name: `q${index}`, vod }));
  t.same(
    load([{ ...aMinimum(), queues }]).queues.map(({ vod }) => vod),
    vods,
  );
  t.end();
});

t.test('follow-ups are set by files and by variables', (t) => {
  const followUp = { policy: 'verify', quietPeriod: '36h', guard: false };
  const config = load([{ ...aMinimum(), followUp }], {
    VOD_RELAY_FOLLOW_UP_POLICY: 'off',
    VOD_RELAY_FOLLOW_UP_CALLS_PER_SECOND: '4',
    VOD_RELAY_FOLLOW_UP_MAX_ATTEMPTS: '3',
    VOD_RELAY_NATS_RETENTION_FOLLOW_UPS: '3d',
  });
  t.same(config.followUp, {
    policy: 'off',
    callsPerSecond: 4,
    quietPeriodMs: 36 * 3_600_000,
    guard: false,
    maxAttempts: 3,
  });
  t.equal(config.nats.retention.followUpsMs, 3 * 86_400_000);
  t.end();
});

t.test('a bare `off` in YAML is the policy, not a flag', (t) => {
  t.equal(load([aMinimum(), 'followUp:\n  policy: off\n']).followUp.policy, 'off');
  t.end();
});

t.test('the longest quiet period fits the retention that nobody set', (t) => {
  const config = load([{ ...aMinimum(), followUp: { quietPeriod: '604799999ms' } }]);
  t.equal(config.followUp.quietPeriodMs, 7 * 86_400_000 - 1);
  t.end();
});

t.test('the addresses Kubernetes injects for a Service called vod-relay are not ours', (t) => {
  const config = load([aMinimum()], {
    VOD_RELAY_SERVICE_HOST: '10.0.0.1',
    VOD_RELAY_SERVICE_PORT_HTTP: '80',
    VOD_RELAY_PORT: 'tcp://10.0.0.1:80',
    VOD_RELAY_METRICS_PORT_80_TCP_ADDR: '10.0.0.1',
  });
  t.equal(config.queues.length, 1);
  t.end();
});

t.test('the files in config/ load', (t) => {
  const shipped = (name: string): string =>
    fileURLToPath(new URL(`../../../config/${name}.yaml`, import.meta.url));
  const env = {
    ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/r',
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/p',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/token',
  };
  t.equal(loadConfig({ files: [shipped('default')], env, requireLive: true }).nats.streamReplicas, 1);
  const production = loadConfig({
    files: [shipped('default'), shipped('production')],
    env,
    requireLive: true,
  });
  t.equal(production.nats.streamReplicas, 3);
  t.equal(production.followUp.callsPerSecond, 9);
  const sandbox = loadConfig({ files: [shipped('sandbox')], env: {}, requireLive: true });
  t.match(sandbox.queues[0]?.endpoint, /^http:\/\/127\.0\.0\.1:/);
  t.equal(sandbox.queues[0]?.vod.endpoint, sandbox.queues[0]?.endpoint, 'one sandbox is both MNS and VOD');
  t.end();
});
