import type { PublishPermissions } from '../nats/facts/nats.js';
import { lengthenCommand } from '../nats/streams/duplicate-window.js';
import type { ConsumerCheck } from './follow-up-checks.js';
import type { Check, Finding } from './check.js';
import { orNatsFault, type NatsChecks } from './nats-checks.js';
import type { StreamCheck } from './stream-checks.js';
import { isCovered } from './stream-rules.js';

export interface PermissionParts {
  nats: NatsChecks;
  streams: readonly StreamCheck[];
  consumers: readonly ConsumerCheck[];
  /** The stream of permits, where calls of VOD are made. */
  permitStream: string | undefined;
  /** The subjects that are published to. */
  published: readonly string[];
  /** How long ids are to be remembered: `run` lengthens a window that is shorter. */
  horizonMs: () => Promise<number>;
}

const area = 'NATS';
const updateOf = '$JS.API.STREAM.UPDATE.';

/** The permissions of the user, as far as they can be read without using them. */
export function permissionChecks(parts: PermissionParts): Check[] {
  const { nats, published } = parts;
  return [
    {
      area,
      id: 'publish',
      needs: [nats.jetStream],
      run: async () =>
        await orNatsFault(async () => {
          const permissions = await nats.facts().publishPermissions();
          if (permissions === undefined)
            return {
              status: 'info',
              what: `not told without publishing: see that ${published.join(', ')} are permitted`,
              remedy: 'with nats-server 2.10, grant the NATS user to publish to "$SYS.REQ.USER.INFO"',
            };
          const missing = published.filter((subject) => !mayPublish(permissions, subject));
          return missing.length === 0
            ? { status: 'pass', what: `${published.join(', ')} are permitted` }
            : { status: 'fail', what: `not permitted: ${missing.join(', ')}`, remedy: grant(missing) };
        }),
    },
    {
      area,
      id: 'jetstream-api',
      needs: [nats.jetStream],
      run: async () =>
        await orNatsFault(async () => {
          const facts = nats.facts();
          const refused = await facts.refusedOf(await apiSubjects(parts));
          if (refused.length === 0)
            return { status: 'pass', what: 'all that `vod-relay run` asks of JetStream is permitted' };
          const windows = refused.filter((subject) => subject.startsWith(updateOf));
          const others = refused.filter((subject) => !subject.startsWith(updateOf));
          const horizonMs = await parts.horizonMs().catch(() => 0);
          const short = parts.streams.filter(({ wanted }) => windows.includes(updateOf + wanted.name));
          return [
            ...(await Promise.all(short.map((check) => windowRefused(check, horizonMs)))),
            ...(others.length === 0
              ? []
              : [
                  {
                    status: 'fail',
                    what: `not permitted: ${others.join(', ')}`,
                    remedy: grant(others),
                  } as const,
                ]),
          ];
        }),
    },
  ];
}

/** A window is the operator's to lengthen: with the permission to, a stream could be shrunk as well. */
async function windowRefused({ wanted, stream }: StreamCheck, horizonMs: number): Promise<Finding> {
  const { name } = wanted;
  const maxAgeMs = (await stream())?.maxAgeMs;
  return {
    status: 'fail',
    what: `the duplicate window of ${name} is too short, and this user may not lengthen it: the worker has to look older events up, and dead letters and outcomes can be stored twice`,
    remedy: `as an operator: ${lengthenCommand(name, horizonMs, maxAgeMs)}`,
  };
}

/** Whether everything that a subject with wildcards matches may be published to. */
export function mayPublish({ allow, deny }: PublishPermissions, subject: string): boolean {
  const isAllowed = allow === undefined || allow.some((each) => isCovered(subject, each));
  return isAllowed && !deny.some((each) => isCovered(subject, each) || isCovered(each, subject));
}

/** The requests of `run` to the JetStream API. Existing streams and consumers need not be created. */
async function apiSubjects({
  streams,
  consumers,
  permitStream,
  horizonMs: ofHorizon,
}: PermissionParts): Promise<string[]> {
  const subjects: string[] = [];
  const horizonMs = await ofHorizon().catch(() => 0);
  for (const { wanted, stream } of streams) {
    if (!wanted.isManaged) continue;
    const is = await orUnknown(stream());
    subjects.push(`$JS.API.STREAM.INFO.${wanted.name}`);
    if (is === undefined) subjects.push(`$JS.API.STREAM.CREATE.${wanted.name}`);
    else if (is !== 'unknown' && wanted.hasIds && is.windowMs < horizonMs)
      subjects.push(updateOf + wanted.name);
  }
  for (const { wanted, consumer } of consumers) {
    const { stream, durable, filterSubject, isManaged } = wanted;
    const name = `${stream}.${durable}`;
    const isAbsent = (await orUnknown(consumer())) === undefined;
    subjects.push(
      `$JS.API.CONSUMER.INFO.${name}`,
      `$JS.API.CONSUMER.MSG.NEXT.${name}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.ACK.${name}.vod-relay-doctor`,
    );
    if (isManaged && isAbsent) subjects.push(`$JS.API.CONSUMER.CREATE.${name}.${filterSubject}`);
  }
  // Whether a stream holds what it calls a duplicate; without, its word is believed, and a message can be
  // lost.
  subjects.push(...streams.map(({ wanted }) => `$JS.API.STREAM.MSG.GET.${wanted.name}`));
  if (permitStream !== undefined)
    for (const operation of ['INFO', 'MSG.DELETE'])
      subjects.push(`$JS.API.STREAM.${operation}.${permitStream}`);
  return [...new Set(subjects)];
}

/** A stream or consumer that may not be inspected counts as existing. */
async function orUnknown<T>(question: Promise<T>): Promise<T | 'unknown'> {
  return await question.catch(() => 'unknown' as const);
}

function grant(subjects: readonly string[]): string {
  const shown = subjects.map((subject) => `"${subject.replace(/\.vod-relay-doctor$/, '.>')}"`);
  return `grant the NATS user to publish to ${shown.join(', ')}`;
}
