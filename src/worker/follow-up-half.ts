import type { QueueConfig } from '../config/config.js';
import type { FollowUp } from '../event/follow-up.js';
import { eventSource } from '../event/vod-event.js';
import type { VodSite } from '../follow-up/deletion.js';
import { createFollowUp, type FollowUpOptions } from '../follow-up/follow-up.js';
import { VodClient } from '../follow-up/vod-client.js';
import type { JobQueue } from '../nats/jobs/job-queue.js';
import { createOutcomeLookUp } from '../nats/jobs/outcome-look-up.js';
import type { Permits } from '../nats/permits/permits.js';
import { deletionsConsumer, postponedConsumer, streamNames } from '../event/layout.js';
import { sleep } from '../time.js';
import type { Half } from './half.js';
import { timedPublisher, timedVodClient } from './timed.js';
import { createTracedFollowUp } from './traced-follow-up.js';
import type { Parts } from './parts.js';

/**
 * Handed out and not done, in the cluster. Those that are put off are not done until they are due: no limit
 * there.
 */
const maxAckPending = { events: 1_000, postponed: -1 };
const backlogEveryMs = 15_000;
/** The consumer is not there yet, or NATS does not answer. */
const backlogAgainMs = 5_000;

/**
 * The half that reads the events from the stream, like any other service, and deletes orphaned uploads in
 * VOD.
 */
export function createFollowUpHalf(parts: Parts): Half {
  const { config, clock, telemetry, tracing, store, stop } = parts;
  const { prefix } = config.nats;
  const { callsPerSecond } = config.followUp;
  const clients = new Map<QueueConfig, VodClient>();
  const permits = new Map<string, Permits>();
  /** Ends the calls that are under way. */
  const cut = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let inFlight = 0;

  const options: FollowUpOptions = {
    ...config.followUp,
    publisher: timedPublisher(store.publisher, clock, telemetry.published),
    siteOf,
    lookUp: createOutcomeLookUp({
      reader: store.reader(),
      stream: streamNames(prefix).followUps,
      prefix,
      onFailure: telemetry.outcomeLookUpFailed,
      onAnswer: telemetry.outcomesLookedUp,
    }),
    prefix,
    clock,
    onClock: telemetry.clockCompared,
    onSettled: telemetry.followUpSettled,
    onKnown: telemetry.followUpKnown,
    onUnreadable: telemetry.followUpUnreadable,
  };
  const followUp = tracing ? createTracedFollowUp(options, tracing) : createFollowUp(options);
  // Two seconds of calls: few enough that a killed replica holds up little, enough to keep the rate.
  const maxInFlight = Math.max(8, 2 * callsPerSecond);
  const events = store.jobQueue({
    ...deletionsConsumer(prefix),
    maxInFlight,
    maxAckPending: maxAckPending.events,
  });
  const postponed = store.jobQueue({
    ...postponedConsumer(prefix),
    maxInFlight,
    maxAckPending: maxAckPending.postponed,
  });

  return {
    async start() {
      await store.ensureFollowUpStreams(config.dedupe.horizonMs, stop);
      if (stop.aborted) return;
      running = Promise.all([run(events), run(postponed), watchBacklog()]);
    },
    get inFlight() {
      return inFlight;
    },
    // A job that has not begun its call is given back by itself.
    stopped: () => Promise.resolve(),
    async drained() {
      await running;
    },
    release() {
      cut.abort();
    },
    abandon() {
      cut.abort();
    },
    async close() {
      for (const each of permits.values()) each.close();
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };

  async function run(queue: JobQueue): Promise<void> {
    await queue.run(async (job) => {
      inFlight++;
      try {
        await followUp(job, { stop, cut: cut.signal });
      } finally {
        inFlight--;
      }
    }, stop);
  }

  /** An event that leaves the stream before its follow-up is one that nobody will ever see to. */
  async function watchBacklog(): Promise<void> {
    const { eventsMs: retentionMs } = config.nats.retention;
    while (!stop.aborted) {
      let nextMs = backlogEveryMs;
      try {
        const [{ waiting, ageMs }] = await Promise.all([events.backlog(), postponed.look()]);
        telemetry.followUpBacklog(waiting, ageMs, retentionMs);
      } catch {
        // The queue itself says what is wrong with NATS.
        nextMs = backlogAgainMs;
      }
      await sleep(clock, nextMs, stop);
    }
  }

  /** The queue that the event came through tells how to call; another one of the same VOD knows as well. */
  function siteOf({ source, queue }: FollowUp): VodSite | undefined {
    const ofSource = config.queues.filter(({ vod }) => eventSource(vod) === source);
    const found = ofSource.find(({ name }) => name === queue) ?? ofSource[0];
    if (!found) return undefined;
    const own = clientOf(found);
    const client = timedVodClient(own, clock, telemetry.vodCalled);
    return { client, permits: permitsOf(found.vod.account), vodNowMs: () => own.vodNowMs };
  }

  function clientOf(queue: QueueConfig): VodClient {
    let client = clients.get(queue);
    if (!client) {
      const credentials = parts.credentialsOf(queue);
      clients.set(queue, (client = new VodClient({ endpoint: queue.vod.endpoint, credentials, clock })));
    }
    return client;
  }

  /** The quota is the account's, whatever the region. */
  function permitsOf(account: string): Permits {
    let found = permits.get(account);
    if (!found) permits.set(account, (found = store.permits(account, callsPerSecond)));
    return found;
  }
}
