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
    await relayOnce(t, testbed, '10m');
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
    // Fewer calls a second are fewer permits.
    const changed = { ...settings, followUp: { ...followUp, callsPerSecond: 2 } };
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
  await addConsumer(testbed);
  const connection = await connectAs(testbed, 'consumer', { inboxPrefix: '_INBOX_thumbnails' });
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
  // A message that an older version could not publish, and this one cannot read either.
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

t.test('no user but the operator can take anything from a stream, whatever its requests hold', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  await relayOnce(t, testbed, '10m');
  await addConsumer(testbed);
  const operator = await connectAs(testbed, 'operator');
  const manager = await operator.jetstreamManager();
  const { config: events, state } = await manager.streams.info('VOD_EVENTS');
  const shrinking = [
    { max_msgs: 1 },
    { max_bytes: 1 },
    { max_age: 1_000_000_000, duplicate_window: 1_000_000_000 },
    { max_msgs_per_subject: 1 },
    { subjects: ['other'] },
    { discard: 'new' },
    { sealed: true },
    { allow_rollup_hdrs: true },
    { republish: { src: '>', dest: 'stolen.>' } },
    { sources: [{ name: 'VOD_DEAD_LETTERS' }] },
  ];
  const push = { deliver_subject: 'vod.event.stolen', ack_policy: 'none', deliver_policy: 'all' };
  const consumer = {
    stream_name: 'VOD_EVENTS',
    config: { ...push, name: 'thumbnails', durable_name: 'thumbnails' },
  };
  const attempts: [subject: string, body: object][] = [
    ...shrinking.flatMap((change): [string, object][] => [
      ['$JS.API.STREAM.UPDATE.VOD_EVENTS', { ...events, ...change }],
      // One that is there is never changed by this.
      ['$JS.API.STREAM.CREATE.VOD_EVENTS', { ...events, ...change }],
    ]),
    ['$JS.API.STREAM.PURGE.VOD_EVENTS', {}],
    ['$JS.API.STREAM.DELETE.VOD_EVENTS', {}],
    ['$JS.API.STREAM.MSG.DELETE.VOD_EVENTS', { seq: 1 }],
    ['$JS.API.STREAM.RESTORE.VOD_EVENTS', { config: events, state }],
    ['$JS.API.CONSUMER.DELETE.VOD_EVENTS.thumbnails', {}],
    ['$JS.API.CONSUMER.DURABLE.CREATE.VOD_EVENTS.thumbnails', consumer],
    ['$JS.API.CONSUMER.CREATE.VOD_EVENTS.thumbnails', consumer],
  ];
  for (const user of ['relay', 'follow-up', 'worker', 'replay', 'consumer'] as const) {
    const inboxPrefix = user === 'consumer' ? '_INBOX_thumbnails' : '_INBOX_vod-relay';
    const connection = await connectAs(testbed, user, { inboxPrefix });
    for (const [subject, body] of attempts)
      connection.publish(subject, JSON.stringify(body), { reply: `${inboxPrefix}.x` });
    const rollup = headers();
    rollup.set('Nats-Rollup', 'all');
    connection.publish('vod.event.rolled.up', 'up', { headers: rollup });
    await connection.flush();
    await connection.close();
  }
  const after = await manager.streams.info('VOD_EVENTS');
  t.same(after.config, events, 'the stream is as it was');
  t.equal(after.state.first_seq, state.first_seq);
  t.equal(after.state.messages, state.messages, 'and has what it had');
  const { config: durable } = await manager.consumers.info('VOD_EVENTS', 'thumbnails');
  t.notOk('deliver_subject' in durable, 'the consumer of a service is as it was');
  await operator.close();
});

t.test('a service cannot make a consumer that delivers where it may not publish', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  await relayOnce(t, testbed, '10m');
  const connection = await connectAs(testbed, 'consumer', { inboxPrefix: '_INBOX_thumbnails' });
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const filter = 'vod.event.DeleteMediaComplete.success.video.>';
  const stolen = { durable_name: 'thumbnails', filter_subject: filter, deliver_subject: 'vod.event.stolen' };
  await t.rejects(manager.consumers.add('VOD_EVENTS', { ...stolen, ack_policy: AckPolicy.None }), {
    code: 'PERMISSIONS_VIOLATION',
  });
  await connection.close();
});

t.test(
  'a window that the relay may not lengthen is told, holds nothing up and stores nothing twice',
  async (t) => {
    await using testbed = await startTestbed({ nats: { config } });
    await relayOnce(t, testbed, '1s');
    const relayedMs = performance.now();
    await until(() => performance.now() - relayedMs > 2_000, { what: 'the stream has forgotten the ids' });
    const again = async (deleted: number): Promise<void> => {
      await testbed.control.feed('vod-events', [
        { body: deletionBody({ MediaId: '1s' }) },
        { body: deletionBody({ MediaId: `new-${deleted}` }) },
      ]);
      await until(async () => (await testbed.control.state()).queues['vod-events']?.deleted === deleted, {
        what: 'it relays',
      });
    };
    const worker = await startAs(testbed, 'relay', { dedupe: { horizon: '20m' } });
    const told = await worker.waitForLog(
      ({ message, stream }) => stream === 'VOD_EVENTS' && /^duplicate window too short/.test(String(message)),
    );
    t.match(told, { level: 'error', stream: 'VOD_EVENTS', windowSeconds: 1, wantedSeconds: 1_200 });
    const known = 'vod-relay.ids-known-since';
    t.match(
      told['advice'],
      `as an operator: nats stream edit VOD_EVENTS --dupe-window=1200s --metadata=${known}=$(date -u +%FT%TZ)`,
    );
    await again(5);
    const lines = worker.logs.filter(({ stream, level }) => stream === 'VOD_EVENTS' && level === 'error');
    t.equal(lines.length, 1, 'once');
    t.notOk(
      worker.logs.find(({ operation }) => operation === 'publish'),
      'no permission is asked for',
    );

    const operator = await connectAs(testbed, 'operator');
    const manager = await operator.jetstreamManager();
    const { config: events } = await manager.streams.info('VOD_EVENTS');
    const metadata = events.metadata && { ...events.metadata, [known]: new Date().toISOString() };
    const longer = { ...events, duplicate_window: nanos(1_200_000), ...(metadata && { metadata }) };
    await manager.streams.update('VOD_EVENTS', longer);
    await again(7);
    worker.kill();
    t.match(await worker.exit, { code: 0 });
    if (metadata) {
      const next = await startAs(testbed, 'relay', { dedupe: { horizon: '20m' } });
      await again(9);
      await endQuietly(t, next);
    }
    t.same(
      await manager.streams
        .info('VOD_EVENTS', { subjects_filter: 'vod.event.*.*.*.*.1s' })
        .then(({ state }) => Object.values(state.subjects ?? {})),
      [1],
      'an event whose id was forgotten is stored once',
    );
    await operator.close();
  },
);

async function addConsumer(testbed: Testbed): Promise<void> {
  const operator = await connectAs(testbed, 'operator');
  const manager = await operator.jetstreamManager();
  await manager.consumers.add('VOD_EVENTS', {
    durable_name: 'thumbnails',
    ack_policy: AckPolicy.Explicit,
    filter_subject: 'vod.event.DeleteMediaComplete.success.video.>',
  });
  await operator.close();
}

/** Relays an event, a foreign event and a dead letter, and expects that NATS refuses nothing. */
async function relayOnce(t: Test, testbed: Testbed, horizon: string): Promise<void> {
  const bodies = [deletionBody({ MediaId: horizon }), foreignBody(), `no event ${horizon}`];
  await relay(t, testbed, bodies, { dedupe: { horizon } });
}

/**
 * Stores what the follow-up is about to store, so that it finds duplicates: an outcome, and what cannot be
 * read.
 */
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

/**
 * Puts media into VOD whose deletion has failed, modified at these times, and the events of that into the
 * stream.
 */
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
