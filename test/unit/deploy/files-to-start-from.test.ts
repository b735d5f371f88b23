/** config/*.yaml, and the set-up for a laptop that runs one of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import { loadConfig } from '../../../src/config/load.js';

interface Service {
  image: string;
  build?: { context: string; dockerfile: string };
  command: string[];
  environment?: Record<string, string>;
  ports?: string[];
  network_mode?: string;
  stop_grace_period?: string;
}

const folder = join(projectRoot, 'config');
const rrsa = {
  ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1234567890123456:role/vod-relay',
  ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa',
  ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/secrets/token',
};
const composeText = readFileSync(join(projectRoot, 'deploy', 'compose', 'compose.yaml'), 'utf8');
const { services } = parse(composeText, { merge: true }) as { services: Record<string, Service> };

t.test('each file in config/ is one that the worker takes, as its first lines say', (t) => {
  const load = (...names: string[]): ReturnType<typeof loadConfig> =>
    loadConfig({ files: names.map((name) => join(folder, name)), env: rrsa, requireLive: true });
  t.same(readdirSync(folder).sort(), ['default.yaml', 'production.yaml', 'sandbox.yaml']);
  t.match(load('default.yaml').http, { host: '0.0.0.0', port: 8080 });
  t.match(load('default.yaml', 'production.yaml').nats, { streamReplicas: 3 });
  t.match(load('sandbox.yaml').http, { host: '127.0.0.1', port: 8080 }, 'it stays on this machine');
  t.end();
});

t.test('the worker of compose.yaml finds the others on loopback, and has the time to stop', (t) => {
  const { nats, sandbox, worker } = services;
  const [, , file = ''] = worker?.command ?? [];
  const config = loadConfig({ files: [join(projectRoot, file)], env: { ...worker?.environment } });
  t.match(config.nats.servers, ['nats://127.0.0.1:4222']);
  t.match(sandbox?.command.join(' '), `--port ${new URL(config.queues[0]?.endpoint ?? '').port} `);
  t.match(sandbox?.command.join(' '), `--queue ${config.queues[0]?.name ?? ''} `);
  t.equal(config.http.host, '0.0.0.0', 'a published port does not end on loopback');
  t.same(nats?.ports, ['127.0.0.1:4222:4222', `127.0.0.1:${config.http.port}:${config.http.port}`]);
  t.ok(Number.parseInt(worker?.stop_grace_period ?? '', 10) * 1000 > config.stop.graceMs);
  for (const service of [sandbox, worker]) {
    t.equal(service?.network_mode, 'service:nats');
    t.match(service?.build, { dockerfile: 'deploy/Dockerfile' }, 'none looks for the image in a registry');
  }
  t.end();
});
