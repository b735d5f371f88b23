import { connect } from 'nats';
import t from 'tap';
import { longAgoMs, untilAllHaveOutcomes } from '../support/orphans.js';
import { startTestbed } from '../support/testbed.js';
import { deletionBody } from '../support/vod-messages.js';

t.test(
  'an EventTime in the year 2350 without the guard waits from now on, and is called on once',
  async (t) => {
    await using testbed = await startTestbed();
    const { control, nats } = testbed;
    await control.seedMedia([{ mediaId: 'one', parts: 2, createdMs: longAgoMs() }]);
    const fields = { Status: 'fail', ErrorCode: 'DeleteVideoFailed', EventTime: '2350-01-01T00:00:00Z' };
    await control.feed('vod-events', [{ body: deletionBody({ MediaId: 'one', ...fields }) }]);
    const worker = await testbed.startWorker({ followUp: { guard: false, quietPeriod: '2s' } });
    t.same(await untilAllHaveOutcomes(testbed, ['one']), { deleted: 1 });
    t.equal((await control.vodCalls()).length, 1);
    const connection = await connect({ servers: nats.url });
    const manager = await connection.jetstreamManager();
    for (const [stream, name] of [
      ['VOD_EVENTS', 'follow-up'],
      ['VOD_FOLLOW_UPS', 'follow-up-postponed'],
    ] as const) {
      const { delivered } = await manager.consumers.info(stream, name);
      t.ok(delivered.consumer_seq < 20, `${name} delivered ${delivered.consumer_seq} times`);
    }
    await connection.close();
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
  },
);
