import type { Config } from '../../config/config.js';
import { connectNats } from '../../nats/connection.js';
import {
  followUpRoot,
  reservedRoots,
  streamNames,
  streamSubjects,
  subjectRoots,
} from '../../event/layout.js';
import { declareReplayStream, streamTaking } from '../../nats/streams/replay-topology.js';
import type { TopologyEvents } from '../../nats/streams/topology-events.js';
import type { ReplayPlan } from '../../replay/plan.js';
import { systemClock as clock } from '../../time.js';

export interface TargetOptions {
  config: Config;
  plan: ReplayPlan;
  dryRun: boolean;
  events: TopologyEvents;
  signal: AbortSignal;
}

/**
 * Makes sure that what a replay sends, and its checkpoint, will be stored. A dry run creates nothing.
 * @returns the stream that takes what is sent.
 * @throws Error that says what is missing, before anything is sent.
 */
export async function prepareTarget({
  config,
  plan,
  dryRun,
  events,
  signal,
}: TargetOptions): Promise<string> {
  const { prefix, manageStreams, streamReplicas: replicas, retention } = config.nats;
  const { replays } = streamNames(prefix);
  const roots = subjectRoots(prefix);
  const to = plan.to ?? prefix;
  refuseReserved(prefix, plan.to);
  const connection = await connectNats(config.nats, signal);
  try {
    if (!dryRun) {
      if (manageStreams) {
        const { eventsMs } = retention;
        await declareReplayStream({ connection, prefix, replicas, eventsMs, clock, signal, events });
      }
      if ((await streamTaking(connection, roots.checkpoint)) !== replays) {
        throw new Error(
          `a replay keeps its checkpoint in the stream ${replays}, which is not there: create it with the subjects ` +
            `${streamSubjects(prefix, 'replays').join(' and ')} and with allow_rollup_hdrs`,
        );
      }
    } else if (manageStreams && to.startsWith(`${roots.replay}.`)) return replays;
    if (plan.followUp) return await followUpStream(connection, prefix);
    const sent = subjectRoots(to).event;
    const stream = await streamTaking(connection, sent);
    if (stream !== undefined) return stream;
    throw new Error(
      plan.to === undefined
        ? `no stream takes ${sent}.>: \`vod-relay run\` creates ${streamNames(prefix).events}`
        : `no stream takes ${sent}.>: create one, or send to ${roots.replay}.NAME, which ${replays} takes`,
    );
  } finally {
    await connection.close();
  }
}

async function followUpStream(
  connection: Parameters<typeof streamTaking>[0],
  prefix: string,
): Promise<string> {
  const { followUps } = streamNames(prefix);
  const taken = followUpRoot(prefix, 'postponed');
  if ((await streamTaking(connection, taken)) === followUps) return followUps;
  throw new Error(
    `the stream ${followUps} does not take ${taken}.>: \`vod-relay run\` with the follow-up half creates it`,
  );
}

function refuseReserved(prefix: string, to: string | undefined): void {
  const taken = reservedRoots(prefix).find((root) => to === root || to?.startsWith(`${root}.`));
  if (taken !== undefined) throw new Error(`--to must not be under ${taken}: it has a meaning of its own`);
}
