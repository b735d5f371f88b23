import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'nats';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

export interface Latencies {
  medianMs: number;
  p95Ms: number;
  samples: number;
}

export interface Fairness {
  alone: Latencies;
  besideFlood: Latencies;
  /** Messages that were waiting in the other queue. */
  flood: number;
}

const trickle = 'trickle';
const busy = 'busy';

/** What a queue with a trickle suffers from another that has many messages waiting, in one worker. */
export async function measureFairness(options: {
  flood: number;
  samples: number;
  everyMs: number;
}): Promise<Fairness> {
  return {
    alone: await trickleLatencies({ ...options, flood: 0 }),
    besideFlood: await trickleLatencies(options),
    flood: options.flood,
  };
}

/**
 * From the moment a message is in the queue to the moment a subscriber of the stream gets its event, which NATS sends
 * with the PubAck. The flood is kept up for as long as the trickle lasts.
 */
async function trickleLatencies(options: {
  flood: number;
  samples: number;
  everyMs: number;
}): Promise<Latencies> {
  const { flood, samples, everyMs } = options;
  await using testbed = await startTestbed({ queues: [{ name: trickle }, { name: busy }] });
  const { actions } = testbed.sandbox;
  const sentMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  const subscriber = await connect({ servers: testbed.nats.url });
  subscriber.subscribe('vod.event.>', {
    callback: (_error, { subject }) => {
      const mediaId = subject.slice(subject.lastIndexOf('.') + 1);
      const sent = sentMs.get(mediaId);
      if (sent === undefined) return;
      sentMs.delete(mediaId);
      latenciesMs.push(performance.now() - sent);
    },
  });
  await subscriber.flush();
  let fed = 0;
  const keepFlooding = (): void => {
    const waiting = actions.state().queues[busy]?.active ?? 0;
    if (waiting >= flood) return;
    const missing = Array.from({ length: flood - waiting }, () => ({
      body: deletionBody({ MediaId: `busy-${fed++}` }),
    }));
    actions.feed(busy, missing);
  };
  keepFlooding();
  await testbed.startWorker({
    queues: [
      testbed.queue(trickle, { receive: { wait: '20s' } }),
      testbed.queue(busy, { receive: { wait: '20s' } }),
    ],
  });
  const isFlowing = (): boolean =>
    (actions.state().queues[trickle]?.openPolls ?? 0) > 0 &&
    (flood === 0 || (actions.state().queues[busy]?.deleted ?? 0) > 500);
  await until(isFlowing, { what: 'both queues are received from' });
  for (let i = 0; i < samples; i++) {
    const mediaId = `${trickle}-${i}`;
    sentMs.set(mediaId, performance.now());
    actions.feed(trickle, [{ body: deletionBody({ MediaId: mediaId }) }]);
    await wait(everyMs);
    keepFlooding();
  }
  await until(() => latenciesMs.length === samples, { what: 'all of the trickle has arrived' });
  await subscriber.close();
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0;
  return { medianMs: at(0.5), p95Ms: at(0.95), samples };
}
