import { AckPolicy, headers, nanos } from 'nats';
import t, { type Test } from 'tap';
import { deadLetterId, followUpId } from '../../src/event/event-id.js';
import { failedDeletion, longAgoMs } from '../support/orphans.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import {
  command,
  config,
  connectAs,
  covers,
  endQuietly,
  permitted,
  startAs,
  tapWire,
  unused,
  type Overrides,
} from './nats-roles.js';

t.test(
  'the relay does all of its work with the permissions of its role, and uses each of them',
  async (t) => {
    const queues = [{ name: 'vod-events', visibilityMs: 2_000 }];
    await using testbed = await startTestbed({ nats: { config }, queues });
    await using wiretap = await tapWire(testbed);
    await relayOnce(t, testbed, '10m');
    // Each message comes back, as a duplicate that is looked for.
    await testbed.control.setFaults([{ kind: 'lost-delete', count: 3 }]);
    // A longer horizon is a longer duplicate window for both streams.
    await relayOnce(t, testbed, '20m');
    await wiretap.flush();
    t.same(unused('relay', wiretap.subjects()), [], 'nothing is permitted that is not used');
  },
);

t.test(
  'the follow-up does all of its work with the permissions of its role, and uses each of them',
  async (t) => {
    await using testbed = await startTestbed({ nats: { config } });
    const { control } = testbed;
    await using wiretap = await tapWire(testbed);
    const followUp = { quietPeriod: '2s', callsPerSecond: 3, maxAttempts: 1 };
    const settings = { followUp, dedupe: { horizon: '10m' } };
    const first = await startAs(testbed, 'follow-up', settings);
    await until(() => wiretap.subjects().some((subject) => subject.includes('.MSG.NEXT.VOD_EVENTS.')), {
      what: 'it waits for events',
    });
    await control.setFaults([
      { kind: 'vod-error', code: 'Throttling.User', media: 'throttled', count: 1 },
      { kind: 'vod-error', code: 'InternalError', media: 'broken' },
    ]);
    await seed(t, testbed, { orphan: longAgoMs(), throttled: longAgoMs(), broken: longAgoMs() });
    await until(async () => (await control.vodState()).partsLeft === 2, {
      what: 'two orphans are deleted',
    });
    await until(() => wiretap.subjects().includes('vod.follow-up.failed.broken'), { what: 'one has failed' });
    await endQuietly(t, first);
    // Fewer calls a second are fewer permits, and a longer horizon a longer duplicate window.
    const changed = { followUp: { ...followUp, callsPerSecond: 2 }, dedupe: { horizon: '20m' } };
    await seed(t, testbed, { later: longAgoMs(), recent: longAgoMs() });
    await storeBeforehand(testbed, 'later');
    const second = await startAs(testbed, 'follow-up', changed);
    const isPostponed = async (): Promise<boolean> => {
      if (wiretap.subjects().includes('vod.follow-up.postponed.recent')) return true;
      await control.setUpload('recent', { modifiedMs: Date.now() });
      return false;
    };
    await until(isPostponed, { what: 'what is modified all the time is put off' });
    await until(() => wiretap.subjects().includes('vod.follow-up.deleted.later'), { what: 'it goes on' });
    await until(() => wiretap.subjects().includes('vod.follow-up.deleted.recent'), { what: 'it is quiet' });
    await endQuietly(t, second);
    await wiretap.flush();
    t.same(unused('follow-up', wiretap.subjects()), [], 'nothing is permitted that is not used');
  },
);

t.test('both halves in one process do their work as one user, who has the permissions of both', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  await testbed.control.seedMedia([{ mediaId: 'orphan', parts: 2, createdMs: longAgoMs() }]);
  await testbed.control.feed('vod-events', [{ body: failedDeletion('orphan') }]);
  const worker = await startAs(testbed, 'worker');
  await until(async () => (await testbed.control.vodState()).partsLeft === 0, { what: 'it is deleted' });
  await endQuietly(t, worker);
  for (const list of ['publish', 'subscribe'] as const) {
    const both = [...permitted('relay')[list], ...permitted('follow-up')[list]];
    const own = permitted('worker')[list];
    t.same(
      both.filter((subject) => !own.some((pattern) => covers(pattern, subject))),
      [],
      `may ${list} all`,
    );
    t.same(
      own.filter((subject) => !both.includes(subject)),
      [],
      `may ${list} nothing more`,
    );
  }
});

t.test('a service reads through its own consumer, and uses each permission it has', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  await relayOnce(t, testbed, '10m');
  await using wiretap = await tapWire(testbed);
  const connection = await connectAs(testbed, 'consumer', { inboxPrefix: '_INBOX_thumbnails' });
  const manager = await connection.jetstreamManager({ checkAPI: false });
  await manager.consumers.add('VOD_EVENTS', {
    durable_name: 'thumbnails',
    ack_policy: AckPolicy.Explicit,
    filter_subject: 'vod.event.DeleteMediaComplete.success.video.>',
  });
  const consumer = await connection.jetstream().consumers.get('VOD_EVENTS', 'thumbnails');
  const message = await consumer.next();
  t.match(message?.subject, /^vod\.event\.DeleteMediaComplete\.success\.video\./);
  t.ok(await message?.ackAck());
  await connection.close();
  await wiretap.flush();
  t.same(unused('consumer', wiretap.subjects()), [], 'nothing is permitted that is not used');
});

t.test('a replay does all of its work with the permissions of its role, and uses each of them', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  await relay(t, testbed, [deletionBody(), foreignBody()], { foreignEvents: 'dead-letter' });
  const connection = await connectAs(testbed, 'operator');
  // What an older version could not publish, and this one cannot read either.
  const letter = headers();
  letter.set('Dead-Letter-Queue', 'vod-events');
  letter.set('Dead-Letter-Message-Id', 'a-message');
  letter.set('Dead-Letter-Attempt', '10');
  letter.set('Dead-Letter-Enqueue-Time', new Date().toISOString());
  letter.set('Dead-Letter-Code', 'attempts-exhausted');
  letter.set('Dead-Letter-Reason', 'a reason');
  letter.set('Dead-Letter-At', '');
  const subject = 'vod.dead-letter.vod-events.attempts-exhausted';
  await connection.jetstream().publish(subject, 'no event', { headers: letter });
  await using wiretap = await tapWire(testbed);

  await command(t, testbed, 0, 'replay', '--events', '--again');
  const manager = await connection.jetstreamManager();
  const { config: replays } = await manager.streams.info('VOD_REPLAYS');
  await manager.streams.update('VOD_REPLAYS', { ...replays, duplicate_window: nanos(1_000) });
  const { id } = JSON.parse(
    await command(t, testbed, 0, 'replay', '--events', '--to', 'vod.replay.a', '--json'),
  ) as {
    id: string;
  };
  await command(t, testbed, 0, 'replay', '--resume', id);
  await command(t, testbed, 0, 'replay', '--dead-letters');
  await command(t, testbed, 0, 'dead-letters', 'list');
  await command(t, testbed, 0, 'dead-letters', 'show', '4');
  await connection.close();
  await wiretap.flush();
  t.same(unused('replay', wiretap.subjects()), [], 'nothing is permitted that is not used');
});

/** Relays an event, a foreign event and a dead letter, and expects that NATS refuses nothing. */
async function relayOnce(t: Test, testbed: Testbed, horizon: string): Promise<void> {
  const bodies = [deletionBody({ MediaId: horizon }), foreignBody(), `no event ${horizon}`];
  await relay(t, testbed, bodies, { dedupe: { horizon } });
}

/** Stores what the follow-up is about to store, so that it finds duplicates: an outcome, and what cannot be read. */
async function storeBeforehand(testbed: Testbed, mediaId: string): Promise<void> {
  const connection = await connectAs(testbed, 'operator');
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const jetStream = connection.jetstream();
  const query = { last_by_subj: `vod.event.DeleteMediaComplete.*.*.*.${mediaId}` };
  const eventId = (await manager.streams.getMessage('VOD_EVENTS', query)).header.get('Nats-Msg-Id');
  await jetStream.publish(`vod.follow-up.skipped.${mediaId}`, '', {
    msgID: followUpId({ eventId }, undefined),
  });
  const { seq } = await jetStream.publish('vod.event.DeleteMediaComplete.x.x.x.x', 'no event');
  await jetStream.publish('vod.dead-letter.follow-up.follow-up-unreadable', '', {
    msgID: deadLetterId('follow-up', `${seq}`, 'no event'),
  });
  await connection.close();
}

/** Puts media into VOD whose deletion has failed, modified at these times, and the events of that into the stream. */
async function seed(t: Test, testbed: Testbed, modifiedMs: Readonly<Record<string, number>>): Promise<void> {
  const media = Object.entries(modifiedMs);
  await testbed.control.seedMedia(media.map(([mediaId, createdMs]) => ({ mediaId, createdMs, parts: 2 })));
  // Streams that it leaves alone are not what the follow-up is seen to use.
  await relay(t, testbed, Object.keys(modifiedMs).map(failedDeletion), { nats: { manageStreams: false } });
}

async function relay(
  t: Test,
  testbed: Testbed,
  bodies: readonly string[],
  overrides: Overrides,
): Promise<void> {
  const { control } = testbed;
  const deleted = async (): Promise<number> => (await control.state()).queues['vod-events']?.deleted ?? 0;
  const wanted = (await deleted()) + bodies.length;
  await control.feed(
    'vod-events',
    bodies.map((body) => ({ body })),
  );
  const worker = await startAs(testbed, 'relay', overrides);
  await until(async () => (await deleted()) === wanted, { what: 'all is relayed' });
  await endQuietly(t, worker);
}
