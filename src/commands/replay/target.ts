import type { Config } from '../../config/config.js';
import { connectNats } from '../../nats/connection.js';
import { declareReplayStream, replayStreamName, streamTaking } from '../../nats/streams/replay-topology.js';
import { streamNames } from '../../nats/streams/topology.js';
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
  const replays = replayStreamName(prefix);
  const to = plan.to ?? prefix;
  refuseReserved(prefix, plan.to);
  const connection = await connectNats(config.nats, signal);
  try {
    if (!dryRun) {
      if (manageStreams) {
        const { eventsMs } = retention;
        await declareReplayStream({ connection, prefix, replicas, eventsMs, clock, signal, events });
      }
      if ((await streamTaking(connection, `${prefix}.replay-checkpoint`)) !== replays) {
        throw new Error(
          `a replay keeps its checkpoint in the stream ${replays}, which is not there: create it with the subjects ` +
            `${prefix}.replay.> and ${prefix}.replay-checkpoint.> and with allow_rollup_hdrs`,
        );
      }
    } else if (manageStreams && to.startsWith(`${prefix}.replay.`)) return replays;
    if (plan.followUp) return await followUpStream(connection, prefix);
    const stream = await streamTaking(connection, `${to}.event`);
    if (stream !== undefined) return stream;
    throw new Error(
      plan.to === undefined
        ? `no stream takes ${to}.event.>: \`vod-relay run\` creates ${streamNames(prefix).events}`
        : `no stream takes ${to}.event.>: create one, or send to ${prefix}.replay.NAME, which ${replays} takes`,
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
  const taken = `${prefix}.follow-up.postponed`;
  if ((await streamTaking(connection, taken)) === followUps) return followUps;
  throw new Error(
    `the stream ${followUps} does not take ${taken}.>: \`vod-relay run\` with the follow-up half creates it`,
  );
}

function refuseReserved(prefix: string, to: string | undefined): void {
  const reserved = ['event', 'dead-letter', 'follow-up', 'permit', 'replay-checkpoint'].map(
    (token) => `${prefix}.${token}`,
  );
  const taken = reserved.find((subject) => to === subject || to?.startsWith(`${subject}.`));
  if (taken !== undefined) throw new Error(`--to must not be under ${taken}: it has a meaning of its own`);
}
