/** Conditions on several keys together. A rule is checked only when each of its keys is right by itself. */
import { durationMs } from './schema/duration.js';
import type { SchemaTree, Values } from './schema/leaf.js';
import type { queueSchema } from './schema/queue.js';
import type { rootSchema } from './schema/root.js';
import type { Section } from './read/section.js';
import { isLoopback, schemeOf } from './read/urls.js';
import { vodEndpointOf } from './read/vod-endpoint.js';

interface Rule<V> {
  /** Everything the rule looks at; a problem is reported under the first. */
  readonly keys: readonly string[];
  readonly isBroken: (values: V) => boolean;
  readonly problem: string;
}

const PLAIN_HTTP_PROBLEM =
  'must be an https URL; plain http to a host other than this one needs allowPlainHttp: true';

const QUEUE_RULES: readonly Rule<Values<typeof queueSchema>>[] = [
  {
    keys: ['endpoint', 'allowPlainHttp'],
    isBroken: (queue) => isPlainAndRemote(queue.endpoint) && !queue.allowPlainHttp,
    problem: PLAIN_HTTP_PROBLEM,
  },
  {
    keys: ['vod.endpoint', 'allowPlainHttp'],
    isBroken: ({ vod, allowPlainHttp }) =>
      vod.endpoint !== null && isPlainAndRemote(vod.endpoint) && !allowPlainHttp,
    problem: PLAIN_HTTP_PROBLEM,
  },
  {
    keys: ['receive.pollers.min', 'receive.pollers.max'],
    isBroken: ({ receive }) => receive.pollers.min > receive.pollers.max,
    problem: 'must not be more than receive.pollers.max',
  },
  {
    keys: ['receive.maxInFlight', 'receive.batch', 'receive.pollers.max'],
    isBroken: ({ receive }) => receive.pollers.max * receive.batch > receive.maxInFlight,
    problem: 'must be at least receive.pollers.max times receive.batch',
  },
];

const ROOT_RULES: readonly Rule<Values<typeof rootSchema>>[] = [
  {
    keys: ['nats.servers'],
    isBroken: ({ nats }) => new Set(nats.servers.map(schemeOf)).size > 1,
    problem: 'must be all tls:// or all nats://',
  },
  {
    keys: ['nats.servers', 'nats.allowPlaintext'],
    isBroken: ({ nats }) => nats.servers.some(isPlainAndRemote) && !nats.allowPlaintext,
    problem: 'must be tls:// URLs; nats:// to a host other than this one needs nats.allowPlaintext: true',
  },
  {
    keys: [
      'nats.servers',
      'nats.tls.caFile',
      'nats.tls.certFile',
      'nats.tls.keyFile',
      'nats.tls.handshakeFirst',
    ],
    isBroken: ({ nats: { servers, tls } }) =>
      servers.every((server) => schemeOf(server) === 'nats') &&
      (tls.handshakeFirst || [tls.caFile, tls.certFile, tls.keyFile].some((file) => file !== null)),
    problem: 'must be tls:// URLs for nats.tls to have an effect',
  },
  {
    keys: ['nats.tls.certFile', 'nats.tls.keyFile'],
    isBroken: ({ nats: { tls } }) => tls.certFile !== null && tls.keyFile === null,
    problem: 'needs nats.tls.keyFile beside it',
  },
  {
    keys: ['nats.tls.keyFile', 'nats.tls.certFile'],
    isBroken: ({ nats: { tls } }) => tls.keyFile !== null && tls.certFile === null,
    problem: 'needs nats.tls.certFile beside it',
  },
  {
    keys: ['nats.retention.events', 'dedupe.horizon'],
    isBroken: ({ nats, dedupe }) =>
      dedupe.horizon !== 'auto' && durationMs(nats.retention.events) < durationMs(dedupe.horizon),
    problem: 'must be at least dedupe.horizon, since the server remembers no id longer than it keeps events',
  },
  {
    keys: ['nats.retention.followUps', 'followUp.quietPeriod'],
    isBroken: ({ nats, followUp }) =>
      durationMs(nats.retention.followUps) < 2 * durationMs(followUp.quietPeriod),
    problem:
      'must be at least twice followUp.quietPeriod, since a follow-up that was put off waits in that stream',
  },
];

/** The broken rules of one queue. */
export function queueRuleProblems(section: Section<typeof queueSchema>): string[] {
  return problemsOf(QUEUE_RULES, section);
}

/** The broken rules among the keys outside the list of queues. */
export function rootRuleProblems(section: Section<typeof rootSchema>): string[] {
  return problemsOf(ROOT_RULES, section);
}

/** One line for each queue that repeats another: two leases of one message would fight each other. */
export function repeatedQueueProblems(queues: readonly Section<typeof queueSchema>[]): string[] {
  const firstOf = new Map<string, string>();
  const problems: string[] = [];
  for (const { at, invalid, values } of queues) {
    if (invalid.has('name') || invalid.has('endpoint')) continue;
    const identity = `${new URL(values.endpoint).host} ${values.name}`;
    const first = firstOf.get(identity);
    if (first === undefined) firstOf.set(identity, at);
    else problems.push(`${at}name: must differ from ${first}name, which is at the same endpoint`);
  }
  return problems;
}

/**
 * One line for each queue that reaches the VOD of another at a different endpoint: one of the two must be
 * wrong.
 */
export function dividedVodProblems(queues: readonly Section<typeof queueSchema>[]): string[] {
  const firstOf = new Map<string, { at: string; endpoint: string }>();
  const problems: string[] = [];
  for (const { at, invalid, values } of queues) {
    if (['vod.region', 'vod.account', 'vod.endpoint'].some((key) => invalid.has(key))) continue;
    const identity = `${values.vod.region} ${values.vod.account}`;
    const endpoint = vodEndpointOf(values.vod);
    const first = firstOf.get(identity);
    if (first === undefined) firstOf.set(identity, { at, endpoint });
    else if (first.endpoint !== endpoint) {
      problems.push(
        `${at}vod.endpoint: must be that of ${first.at.slice(0, -1)}, which has the same vod.region and vod.account`,
      );
    }
  }
  return problems;
}

function problemsOf<S extends SchemaTree>(rules: readonly Rule<Values<S>>[], section: Section<S>): string[] {
  return rules
    .filter(({ keys, isBroken }) => !keys.some((key) => section.invalid.has(key)) && isBroken(section.values))
    .map(({ keys, problem }) => `${section.at}${keys[0] ?? ''}: ${problem}`);
}

function isPlainAndRemote(url: string): boolean {
  return ['http', 'nats'].includes(schemeOf(url)) && !isLoopback(url);
}
