import t from 'tap';
import type { QueueState } from '../../src/sandbox/control/types.js';
import { balanced, Ledger } from '../support/ledger.js';
import type { NatsServer } from '../support/nats-server.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';

const isLong = process.env['CHAOS_ROUNDS'] !== undefined;
const outageMs = isLong ? 30_000 : 3_000;
const messages = isLong ? 20_000 : 4_000;
/** After this long without a PubAck nothing may be received any more. */
const receivingEndsMs = 2_000;

const gateClosed = 'NATS storage of events failed, receiving nothing until it works';

interface Outage {
  name: string;
  begin: (nats: NatsServer) => Promise<void> | void;
  end: (nats: NatsServer) => Promise<void> | void;
}

const outages: Outage[] = [
  {
    name: 'a nats-server that stops and comes back with its store',
    begin: (nats) => nats.stop(),
    end: (nats) => nats.restart(),
  },
  {
    name: 'a nats-server that freezes and goes on',
    begin: (nats) => {
      nats.pause();
    },
    end: (nats) => {
      nats.resume();
    },
  },
];

/**
 * The store of a killed server differs from that of a stopped one only now and then: one for the long run.
 */
const killed: Outage = {
  name: 'a nats-server that is killed and comes back with its store',
  begin: (nats) => nats.kill(),
  end: (nats) => nats.restart(),
};

for (const { name, begin, end } of isLong ? [...outages, killed] : outages) {
  t.test(`${name}: receiving stops meanwhile, nothing is lost, nothing is stored twice`, async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'vod-events', visibilityMs: 3_000 }] });
    const { control, nats } = testbed;
    const queue = async (): Promise<QueueState> => {
      const found = (await control.state()).queues['vod-events'];
      if (!found) throw new Error('the queue is gone');
      return found;
    };
    const ledger = new Ledger(control, 'vod-events', 'outage');
    await ledger.feed(messages);
    const worker = await testbed.startWorker();
    await until(async () => (await queue()).deleted > messages / 20, { what: 'messages flow' });

    await begin(nats);
    const beganMs = performance.now();
    let mostUndeleted = 0;
    const watch = async (what: string, isOver: (state: QueueState) => boolean): Promise<QueueState> =>
      await until(
        async () => {
          const state = await queue();
          mostUndeleted = Math.max(mostUndeleted, state.undeleted);
          return isOver(state) ? state : undefined;
        },
        { what, timeoutMs: 60_000 },
      );
    const haveMsPassed = (ms: number): boolean => performance.now() - beganMs > ms;
    const early = await watch('receiving has stopped', ({ openPolls }) => {
      const isGateClosed = worker.logs.some(({ message }) => message === gateClosed);
      return haveMsPassed(receivingEndsMs) && isGateClosed && openPolls === 0;
    });
    const late = await watch('the outage is over', () => haveMsPassed(outageMs));
    t.ok(late.active > 0, 'there is more to receive');
    t.equal(received(late), received(early), 'nothing more is received');
    t.ok(mostUndeleted < 5_000, `at most ${mostUndeleted} messages are held undeleted`);

    await end(nats);
    await ledger.untilQueueIsEmpty();
    t.same(await ledger.audit(nats.url), balanced);
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
  });
}

function received({ requests }: QueueState): number {
  return requests['BatchReceive']?.['200'] ?? 0;
}
