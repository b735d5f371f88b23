import type { Config, FollowUpConfig, NatsConfig, NatsTlsConfig, QueueConfig } from './config.js';
import { toCredentials } from './read/credentials.js';
import { durationMs } from './schema/duration.js';
import type { Values } from './schema/leaf.js';
import { toNatsAuth } from './read/nats-auth.js';
import type { Sources } from './read/read.js';
import type { queueSchema } from './schema/queue.js';
import type { rootSchema } from './schema/root.js';
import type { Union } from './read/union.js';
import { vodEndpointOf } from './read/vod-endpoint.js';

/** The frozen Config of sources without problems. */
export function toConfig(sources: Sources): Config {
  const { nats, dedupe, foreignEvents, maxAttempts, followUp, http, stop, log } = sources.root.values;
  return deepFreeze({
    queues: sources.queues.map(({ section, credentials }) => toQueue(section.values, credentials)),
    nats: toNats(nats, sources.natsAuth),
    dedupe: { horizonMs: dedupe.horizon === 'auto' ? 'auto' : durationMs(dedupe.horizon) },
    foreignEvents,
    maxAttempts,
    followUp: toFollowUp(followUp),
    http: { host: http.host, port: http.port },
    stop: { graceMs: durationMs(stop.grace) },
    log: { level: log.level },
    traces: { exporter: sources.traces.exporter },
  });
}

function toQueue(queue: Values<typeof queueSchema>, credentials: Union): QueueConfig {
  const { vod, receive, ack } = queue;
  return {
    name: queue.name,
    endpoint: new URL(queue.endpoint).origin,
    allowPlainHttp: queue.allowPlainHttp,
    vod: { region: vod.region, account: vod.account, endpoint: vodEndpointOf(vod) },
    mode: queue.mode,
    credentials: toCredentials(credentials),
    receive: {
      batch: receive.batch,
      waitMs: durationMs(receive.wait),
      maxInFlight: receive.maxInFlight,
      pollers: receive.pollers,
      maxLeaseMs: durationMs(receive.maxLease),
    },
    ack: { batch: ack.batch, lingerMs: durationMs(ack.linger) },
  };
}

function toFollowUp({ quietPeriod, ...others }: Values<typeof rootSchema>['followUp']): FollowUpConfig {
  return { ...others, quietPeriodMs: durationMs(quietPeriod) };
}

function toNats(nats: Values<typeof rootSchema>['nats'], auth: Union): NatsConfig {
  return {
    servers: nats.servers,
    allowPlaintext: nats.allowPlaintext,
    name: nats.name,
    prefix: nats.prefix,
    manageStreams: nats.manageStreams,
    streamReplicas: nats.streamReplicas,
    retention: {
      eventsMs: durationMs(nats.retention.events),
      followUpsMs: durationMs(nats.retention.followUps),
      deadLettersMs: durationMs(nats.retention.deadLetters),
    },
    maxPublishesInFlight: nats.maxPublishesInFlight,
    ackTimeoutMs: durationMs(nats.ackTimeout),
    auth: toNatsAuth(auth),
    tls: toTls(nats.tls),
  };
}

function toTls({
  caFile,
  certFile,
  keyFile,
  handshakeFirst,
}: Values<typeof rootSchema>['nats']['tls']): NatsTlsConfig {
  return {
    ...(caFile === null ? {} : { caFile }),
    ...(certFile === null ? {} : { certFile }),
    ...(keyFile === null ? {} : { keyFile }),
    handshakeFirst,
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) deepFreeze(each);
  return Object.freeze(value);
}
