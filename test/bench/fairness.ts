import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { trickleLatencies, type Latencies } from './trickle.js';

export interface Fairness {
  alone: Latencies;
  besideFlood: Latencies;
  /** Messages that were waiting in the other queue. */
  flood: number;
}

const trickle = 'trickle';
const busy = 'busy';

/** The delay of a queue with few messages beside one with many waiting, in one worker. */
export async function measureFairness(options: {
  flood: number;
  samples: number;
  everyMs: number;
}): Promise<Fairness> {
  return {
    alone: await latenciesBeside({ ...options, flood: 0 }),
    besideFlood: await latenciesBeside(options),
    flood: options.flood,
  };
}

/** The flood is kept up for as long as the trickle lasts. */
async function latenciesBeside(options: {
  flood: number;
  samples: number;
  everyMs: number;
}): Promise<Latencies> {
  const { flood, samples, everyMs } = options;
  await using testbed = await startTestbed({ queues: [{ name: trickle }, { name: busy }] });
  const { actions } = testbed.sandbox;
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
  return await trickleLatencies(testbed, { queue: trickle, samples, everyMs }, keepFlooding);
}
