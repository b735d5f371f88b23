import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'nats';
import type { Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

export interface Latencies {
  medianMs: number;
  p95Ms: number;
  samples: number;
}

/**
 * Feeds a queue that a worker receives from, and measures from the moment a message is in the queue to the
 * moment a subscriber of the stream gets its event, which NATS sends with the PubAck.
 *
 * @param afterEach what else there is to do between two messages.
 */
export async function trickleLatencies(
  { nats, sandbox }: Pick<Testbed, 'nats' | 'sandbox'>,
  { queue, samples, everyMs }: { queue: string; samples: number; everyMs: number },
  afterEach: () => void = () => undefined,
): Promise<Latencies> {
  const sentMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  const subscriber = await connect({ servers: nats.url });
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
  for (let i = 0; i < samples; i++) {
    const mediaId = `${queue}-${i}`;
    sentMs.set(mediaId, performance.now());
    sandbox.actions.feed(queue, [{ body: deletionBody({ MediaId: mediaId }) }]);
    await wait(everyMs);
    afterEach();
  }
  await until(() => latenciesMs.length === samples, { what: 'all of the trickle has arrived' });
  await subscriber.close();
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0;
  return { medianMs: at(0.5), p95Ms: at(0.95), samples };
}
