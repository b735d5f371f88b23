/** The leader of the stream is cut off from the two other servers while a worker publishes through it. */
import { connect } from 'nats';
import t from 'tap';
import { startNatsCluster } from '../support/nats-cluster.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { promisedNatsServers } from '../../deploy/local/nats-server.mjs';

/** Longer than an old leader goes on without the others, so that they have chosen another. */
const cutMs = 25_000;

for (const { version, binary } of promisedNatsServers(process.env)) {
  t.test(`nats-server ${version}: what is deleted from MNS is in the stream`, async (t) => {
    await using cluster = await startNatsCluster(binary);
    await using testbed = await startTestbed({ queues: [{ name: 'vod-events', visibilityMs: 120_000 }] });
    const client = await connect({ servers: cluster.servers.map(({ url }) => url) });
    t.teardown(() => client.close());
    const manager = await client.jetstreamManager({ checkAPI: false });
    // Of the three the worker knows the leader only: it stays with it through the cut.
    await until(
      async () => {
        const shape = { name: 'VOD_EVENTS', subjects: ['vod.event.>'], num_replicas: 3 };
        return (await manager.streams.add(shape)).config.num_replicas === 3;
      },
      { what: 'the stream is there', timeoutMs: 60_000 },
    );
    const { cluster: place } = await manager.streams.info('VOD_EVENTS');
    const leader = cluster.indexOf(place?.leader ?? '');
    const worker = await testbed.startWorker(
      { nats: { servers: [cluster.servers[leader]?.url], streamReplicas: 3 } },
      'relay',
    );
    const feed = (mediaId: string): Promise<unknown> =>
      testbed.control.feed('vod-events', [{ body: deletionBody({ MediaId: mediaId }) }]);
    const deleted = async (): Promise<number> =>
      (await testbed.control.state()).queues['vod-events']?.deleted ?? 0;
    await feed('before');
    await until(async () => (await deleted()) === 1, { what: 'one is relayed', timeoutMs: 60_000 });

    cluster.cutOff(leader);
    const cutAtMs = performance.now();
    await feed('meanwhile');
    await until(() => performance.now() - cutAtMs > cutMs, { what: 'the cut lasts', timeoutMs: 2 * cutMs });
    cluster.mend();
    await until(async () => (await deleted()) === 2, { what: 'both are deleted', timeoutMs: 120_000 });
    const names = async (): Promise<unknown[]> =>
      (await storedEvents({ servers: cluster.servers.map(({ url }) => url) })).map(
        ({ event }) => event.data['mediaId'],
      );
    await until(async () => (await names()).length >= 2, { what: 'both are stored', timeoutMs: 30_000 });
    t.same((await names()).sort(), ['before', 'meanwhile']);
    worker.kill();
    await worker.exit;
  });
}
