import type { NatsFacts } from '../nats/facts/nats.js';
import type { StreamFacts } from '../nats/facts/streams.js';
import type { Clock } from '../time.js';
import type { Check, Finding } from './check.js';
import { orNatsFault, type NatsChecks } from './nats-checks.js';
import { roughSpan, span } from './span.js';
import { memoryFindings, streamFindings, windowFinding, type WantedStream } from './stream-rules.js';

/** A stream to look at, and what it turned out to be. */
export interface StreamCheck {
  wanted: WantedStream;
  check: Check;
  /** Undefined when there is none. Resolves once `check` is begun. */
  stream: () => Promise<StreamFacts | undefined>;
}

/** The check of one stream. */
export function streamCheck(
  wanted: WantedStream,
  { facts, jetStream }: NatsChecks,
  clock: Clock,
): StreamCheck {
  const { name, ageMs } = wanted;
  let found: Promise<StreamFacts | undefined> | undefined;
  const stream = (): Promise<StreamFacts | undefined> => (found ??= facts().stream(name));
  const check: Check = {
    area: `stream ${name}`,
    id: 'stream',
    needs: [jetStream],
    run: async () =>
      await orNatsFault(async () => {
        const is = await stream();
        if (!is) return await absentFinding(wanted, facts());
        const findings = streamFindings(is, wanted, facts().server.isClustered);
        if (findings.length > 0) return findings;
        return { status: 'pass', what: summary(is, ageMs, clock) };
      }),
  };
  return { wanted, check, stream };
}

/** How long a stream remembers ids, once the horizon is known. */
export function windowCheck(
  { wanted, check, stream }: StreamCheck,
  { jetStream }: NatsChecks,
  horizonMs: () => Promise<number>,
  needs: readonly Check[],
): Check {
  return {
    area: check.area,
    id: 'duplicate-window',
    needs: [jetStream, ...needs],
    run: async () =>
      await orNatsFault(async () => {
        const is = await stream().catch(() => undefined);
        return is ? [windowFinding(is, wanted, await horizonMs()), ...memoryFindings(is)] : [];
      }),
  };
}

/** Whether the account has room for the streams that are missing. */
export function accountLimitsCheck(streams: readonly StreamCheck[], { facts, jetStream }: NatsChecks): Check {
  return {
    area: 'NATS',
    id: 'account-limits',
    needs: [jetStream],
    run: async () =>
      await orNatsFault(async () => {
        const { streams: existing, maxStreams, needsMaxBytes } = await facts().account();
        const isMissing = await Promise.all(
          streams.map(async ({ wanted, stream }) => wanted.isManaged && (await stream()) === undefined),
        );
        const missing = isMissing.filter(Boolean).length;
        if (missing > 0 && existing + missing > (maxStreams ?? Number.POSITIVE_INFINITY))
          return {
            status: 'fail',
            what: `${existing} of ${maxStreams ?? 0} streams are used, and ${missing} are still to be created`,
            remedy: 'raise max_streams of the account',
          };
        if (missing > 0 && needsMaxBytes)
          return {
            status: 'fail',
            what: 'streams need max_bytes in this account, and `vod-relay run` sets none',
            remedy: 'max_bytes_required: false for the account, or create the streams yourself',
          };
        return {
          status: 'pass',
          what: missing > 0 ? `room for the ${missing} streams to create` : 'none in the way',
        };
      }),
  };
}

async function absentFinding(wanted: WantedStream, facts: NatsFacts): Promise<Finding> {
  const { name, subject, ageMs, replicas, isManaged } = wanted;
  const other = await facts.streamOf(subject).catch(() => undefined);
  if (other !== undefined)
    return {
      status: 'fail',
      what: `there is none, and the stream ${other} takes its subjects (${subject})`,
      remedy: `another nats.prefix, or nats stream edit ${other} --subjects=… without them`,
    };
  if (isManaged && replicas > 1 && !facts.server.isClustered)
    return {
      status: 'fail',
      what: `there is none, and a server without a cluster cannot hold ${replicas} copies`,
      remedy: 'nats.streamReplicas: 1, or a cluster of servers',
    };
  if (isManaged) return { status: 'info', what: 'there is none: `vod-relay run` creates it when it starts' };
  const age = ageMs === undefined ? '--max-msgs-per-subject=1' : `--max-age=${span(ageMs)}`;
  return {
    status: 'fail',
    what: 'there is none, and nats.manageStreams is false',
    remedy: `nats stream add ${name} --subjects='${subject}' --storage=file --retention=limits --discard=old ${age} --replicas=${replicas}`,
  };
}

function summary(is: StreamFacts, ageMs: number | undefined, clock: Clock): string {
  const { maxAgeMs, replicas, messages, lastStoredAtMs = 0 } = is;
  const age = maxAgeMs === undefined ? 'all' : span(maxAgeMs);
  const kept = `keeps ${age} on disk, ${replicas === 1 ? '1 copy' : `${replicas} copies`}`;
  if (ageMs === undefined) return kept;
  const agoMs = Math.max(0, clock.now() - lastStoredAtMs);
  return `${kept}; ${messages === 0 ? 'empty' : `${messages} messages, the last ${roughSpan(agoMs)} ago`}`;
}
