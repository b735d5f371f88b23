import { isDeepStrictEqual } from 'node:util';
import type { Config, QueueConfig } from '../config/config.js';
import { credentialsCaches } from '../aliyun/credentials.js';
import type { Clock } from '../time.js';
import { runChecks, type Check, type Result } from './check.js';
import { jetStreamChecks } from './jetstream-checks.js';
import { natsChecks } from './nats-checks.js';
import { queueChecks } from './queue-checks.js';
import { vodChecks } from './vod-checks.js';

/** Whose set-up is looked at. */
export type DoctorRole = 'both' | 'relay' | 'follow-up';

export interface DoctorOptions {
  config: Config;
  role: DoctorRole;
  clock: Clock;
  /** Variables of the environment that name a proxy, and have no effect. */
  ignoredProxies: readonly string[];
}

/**
 * Holds a configuration against MNS, NATS and VOD as they are. Nothing is changed anywhere: no message is
 * received or published, no stream or consumer created. Resolves within half a minute, whatever does not
 * answer.
 */
export async function diagnose({ config, role, clock, ignoredProxies }: DoctorOptions): Promise<Result[]> {
  const withRelay = role !== 'follow-up';
  const withFollowUp = role !== 'relay';
  const credentials = credentialsCaches(clock);
  const nats = natsChecks(config);
  const natsRoundTripMs = (): Promise<number> => nats.facts().roundTripMs();
  const queues = (withRelay ? config.queues : []).map((queue) => ({
    mode: queue.mode,
    ...queueChecks({
      config,
      queue,
      credentials: credentials(queue),
      clock,
      nats: nats.connection,
      natsRoundTripMs,
    }),
  }));
  const sites = withFollowUp && config.followUp.policy !== 'off' ? distinctSites(config.queues) : [];
  const vods = sites.map((queue) => vodChecks(queue, config, credentials(queue), clock));
  const live = queues.filter(({ mode }) => mode === 'live');
  const horizon = {
    needs: config.dedupe.horizonMs === 'auto' ? live.map(({ access }) => access) : [],
    horizonMs: async () => {
      const { horizonMs } = config.dedupe;
      if (horizonMs !== 'auto') return horizonMs;
      const found = await Promise.all(live.map(({ attributes }) => attributes()));
      return Math.max(...found.map(({ retentionMs }) => retentionMs));
    },
  };
  const checks = [
    ...queues.flatMap((queue) => queue.checks),
    ...nats.checks,
    ...jetStreamChecks(config, { nats, clock, horizon: withRelay ? horizon : undefined, withFollowUp }),
    ...vods.flatMap((vod) => vod.checks),
    ...(ignoredProxies.length > 0 ? [proxyCheck(ignoredProxies)] : []),
  ];
  try {
    return await runChecks(checks, clock);
  } finally {
    await Promise.all([...queues, ...vods, nats].map(({ close }) => close()));
  }
}

/** Each VOD, with each set of credentials that it is called with, once. */
function distinctSites(queues: readonly QueueConfig[]): QueueConfig[] {
  return queues.filter(
    (queue, index) =>
      queues.findIndex(
        ({ vod, credentials }) =>
          isDeepStrictEqual(vod, queue.vod) && isDeepStrictEqual(credentials, queue.credentials),
      ) === index,
  );
}

/** Only where a proxy is named: a set-up without one has nothing to read here. */
function proxyCheck(variables: readonly string[]): Check {
  const finding = {
    status: 'warn',
    what: `${variables.join(', ')} ${variables.length === 1 ? 'is' : 'are'} ignored: MNS, VOD and STS are called directly`,
    remedy:
      'allow direct connections, or put a transparent proxy on the way, and take the variables out of the pod',
  } as const;
  return { area: 'network', id: 'proxy', run: () => Promise.resolve(finding) };
}
