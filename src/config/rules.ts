/** What keys must satisfy together. A rule is only asked when each of its keys is right in itself. */
import { durationMs } from './duration.js';
import type { SchemaTree, Values } from './leaf.js';
import type { queueSchema } from './queue-schema.js';
import type { rootSchema } from './schema.js';
import type { Section } from './section.js';
import { isLoopback, schemeOf } from './urls.js';

interface Rule<V> {
  /** Everything the rule looks at; a problem is reported under the first. */
  readonly keys: readonly string[];
  readonly isBroken: (values: V) => boolean;
  readonly problem: string;
}

const QUEUE_RULES: readonly Rule<Values<typeof queueSchema>>[] = [
  {
    keys: ['endpoint', 'allowPlainHttp'],
    isBroken: (queue) =>
      schemeOf(queue.endpoint) === 'http' && !isLoopback(queue.endpoint) && !queue.allowPlainHttp,
    problem: 'must be an https URL; plain http to a host other than this one needs allowPlainHttp: true',
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

function problemsOf<S extends SchemaTree>(rules: readonly Rule<Values<S>>[], section: Section<S>): string[] {
  return rules
    .filter(({ keys, isBroken }) => !keys.some((key) => section.invalid.has(key)) && isBroken(section.values))
    .map(({ keys, problem }) => `${section.at}${keys[0] ?? ''}: ${problem}`);
}

function isPlainAndRemote(server: string): boolean {
  return schemeOf(server) === 'nats' && !isLoopback(server);
}
