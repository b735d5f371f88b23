import type { Config } from '../config/config.js';
import {
  deletionsConsumer,
  permitSubject,
  permitsConsumer,
  postponedConsumer,
  streamNames,
  subjectRoots,
  type ConsumerName,
} from '../event/layout.js';
import type { Clock } from '../time.js';
import type { Check } from './check.js';
import { consumerCheck, permitsCheck, type ConsumerCheck } from './follow-up-checks.js';
import type { NatsChecks } from './nats-checks.js';
import { permissionChecks } from './nats-permissions.js';
import { accountLimitsCheck, streamCheck, windowCheck, type StreamCheck } from './stream-checks.js';

export interface JetStreamParts {
  nats: NatsChecks;
  clock: Clock;
  /**
   * How long ids are to be remembered, once these checks have passed; undefined where only the relay can
   * know.
   */
  horizon: { needs: readonly Check[]; horizonMs: () => Promise<number> } | undefined;
  withFollowUp: boolean;
}

/** Streams, consumers and permits, and the permissions to use them. */
export function jetStreamChecks(config: Config, parts: JetStreamParts): Check[] {
  const { nats, clock, horizon, withFollowUp } = parts;
  const { prefix } = config.nats;
  const { policy, callsPerSecond } = config.followUp;
  const accounts =
    withFollowUp && policy !== 'off' ? [...new Set(config.queues.map(({ vod }) => vod.account))] : [];
  const permitFilter = (account: string): string => permitSubject(prefix, account, '*');

  const { events, deadLetters, followUps, permits } = streamChecks(config, nats, clock);
  const streams = [
    events,
    deadLetters,
    ...(withFollowUp ? [followUps] : []),
    ...(accounts.length > 0 ? [permits] : []),
  ];
  const consumer = (of: StreamCheck, { durable, filterSubject }: ConsumerName): ConsumerCheck => {
    const { name: stream, isManaged } = of.wanted;
    return consumerCheck(
      { stream, durable, filterSubject, isManaged, isAlwaysRead: of !== permits },
      of,
      nats,
    );
  };
  const consumers = [
    ...(withFollowUp
      ? [consumer(events, deletionsConsumer(prefix)), consumer(followUps, postponedConsumer(prefix))]
      : []),
    ...accounts.map((account) => consumer(permits, permitsConsumer(prefix, account))),
  ];
  const roots = subjectRoots(prefix);
  const published = [
    ...(horizon ? [`${roots.event}.>`] : []),
    `${roots.deadLetter}.>`,
    ...(withFollowUp ? [`${roots.followUp}.>`] : []),
    ...accounts.map(permitFilter),
  ];
  const windowsOf = (stream: StreamCheck): Check[] =>
    horizon && stream.wanted.hasIds ? [windowCheck(stream, nats, horizon.horizonMs, horizon.needs)] : [];
  return [
    accountLimitsCheck(streams, nats),
    ...permissionChecks({
      nats,
      streams,
      consumers,
      permitStream: accounts.length > 0 ? permits.wanted.name : undefined,
      published,
      horizonMs: horizon?.horizonMs ?? (() => Promise.resolve(0)),
    }),
    ...streams.flatMap((stream) => [stream.check, ...windowsOf(stream)]),
    ...consumers.map(({ check }) => check),
    ...accounts.map((account) =>
      permitsCheck({ account, filter: permitFilter(account), perSecond: callsPerSecond }, permits, nats),
    ),
  ];
}

function streamChecks(
  { nats, followUp }: Config,
  checks: NatsChecks,
  clock: Clock,
): Record<'events' | 'deadLetters' | 'followUps' | 'permits', StreamCheck> {
  const { prefix, retention, streamReplicas: replicas, manageStreams: isManaged } = nats;
  const names = streamNames(prefix);
  const roots = subjectRoots(prefix);
  const common = { leastAgeMs: 0, hasIds: false, replicas, isManaged };
  return {
    events: streamCheck(
      {
        ...common,
        name: names.events,
        subject: `${roots.event}.>`,
        ageMs: retention.eventsMs,
        hasIds: true,
      },
      checks,
      clock,
    ),
    deadLetters: streamCheck(
      {
        ...common,
        name: names.deadLetters,
        subject: `${roots.deadLetter}.>`,
        ageMs: retention.deadLettersMs,
        hasIds: true,
      },
      checks,
      clock,
    ),
    followUps: streamCheck(
      {
        ...common,
        name: names.followUps,
        subject: `${roots.followUp}.>`,
        ageMs: retention.followUpsMs,
        leastAgeMs: 2 * followUp.quietPeriodMs,
      },
      checks,
      clock,
    ),
    permits: streamCheck(
      {
        ...common,
        name: names.permits,
        subject: `${roots.permit}.>`,
        ageMs: undefined,
        leastAgeMs: Number.POSITIVE_INFINITY,
      },
      checks,
      clock,
    ),
  };
}
