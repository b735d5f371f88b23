import { connect, nanos, type StreamConfig } from 'nats';
import t from 'tap';
import { Store } from '../../../../src/nats/store.js';
import { systemClock } from '../../../../src/time.js';
import { heldTimers } from '../../../support/held-timers.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { until } from '../../../support/until.js';
import { openStore, recorder, type Report } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const manager = await client.jetstreamManager();
const neverAborted = new AbortController().signal;
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

const hourMs = 3_600_000;
const retention = { eventsMs: 10 * hourMs, followUpsMs: 15 * hourMs, deadLettersMs: 20 * hourMs };

t.test('creates what is missing, and nothing the second time', async (t) => {
  await using opened = await openStore({ servers: [server.url], prefix: 'new', retention });
  await opened.store.ensureHorizon(hourMs, neverAborted);
  t.match(await configOf('NEW_EVENTS'), {
    subjects: ['new.event.>'],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    duplicate_window: nanos(hourMs),
    max_age: nanos(10 * hourMs),
    num_replicas: 1,
  });
  t.match(await configOf('NEW_DEAD_LETTERS'), {
    subjects: ['new.dead-letter.>'],
    max_age: nanos(20 * hourMs),
  });
  t.same(opened.reports.slice(1), [
    ['streamCreated', 'NEW_EVENTS'],
    ['streamCreated', 'NEW_DEAD_LETTERS'],
  ]);

  await using second = await openStore({ servers: [server.url], prefix: 'new', retention });
  await second.store.ensureHorizon(hourMs, neverAborted);
  t.same(second.reports.slice(1), []);
});

t.test('keeps events for at least the horizon', async (t) => {
  await using opened = await openStore({ servers: [server.url], prefix: 'long', retention });
  await opened.store.ensureHorizon(50 * hourMs, neverAborted);
  t.match(await configOf('LONG_EVENTS'), {
    duplicate_window: nanos(50 * hourMs),
    max_age: nanos(50 * hourMs),
  });
});

t.test(
  'lengthens a duplicate window that is too short, and the age it needs; never shortens one',
  async (t) => {
    await using opened = await openStore({ servers: [server.url], prefix: 'grow', retention });
    await opened.store.ensureHorizon(hourMs, neverAborted);
    await opened.store.ensureHorizon(15 * hourMs, neverAborted);
    t.match(await configOf('GROW_EVENTS'), {
      duplicate_window: nanos(15 * hourMs),
      max_age: nanos(15 * hourMs),
    });
    await opened.store.ensureHorizon(hourMs, neverAborted);
    await using other = await openStore({ servers: [server.url], prefix: 'grow', retention });
    await other.store.ensureHorizon(hourMs, neverAborted);
    t.match(await configOf('GROW_EVENTS'), {
      duplicate_window: nanos(15 * hourMs),
      max_age: nanos(15 * hourMs),
    });
  },
);

t.test('an event that left a window before it was lengthened is not stored twice', async (t) => {
  const shortMs = 100;
  const publication = {
    subject: 'past.event.x',
    stream: 'PAST_EVENTS',
    msgId: 'a',
    body: '',
    headers: {},
    happenedAtMs: Date.now(),
  };
  await using before = await openStore({ servers: [server.url], prefix: 'past', retention });
  await before.store.ensureHorizon(shortMs, neverAborted);
  t.match(await before.store.publisher.publish(publication, neverAborted), { seq: 1, duplicate: false });
  const storedAtMs = performance.now();
  await until(() => performance.now() - storedAtMs > 5 * shortMs, { what: 'the id is forgotten' });

  await using after = await openStore({ servers: [server.url], prefix: 'past', retention });
  await after.store.ensureHorizon(hourMs, neverAborted);
  t.same(await after.store.publisher.publish(publication, neverAborted), { seq: 1, duplicate: true });
  const young = { ...publication, msgId: 'b', happenedAtMs: Date.now() + hourMs };
  t.match(await after.store.publisher.publish(young, neverAborted), { seq: 2, duplicate: false });
  const { metadata } = await configOf('PAST_EVENTS');
  if (metadata === undefined) return;
  // Where the server keeps metadata, other processes and later ones know as well.
  await using later = await openStore({ servers: [server.url], prefix: 'past', retention });
  await later.store.ensureHorizon(hourMs, neverAborted);
  t.same(await later.store.publisher.publish(publication, neverAborted), { seq: 1, duplicate: true });
});

t.test('leaves everything else as it is, and says what differs', async (t) => {
  await manager.streams.add({
    name: 'OLD_EVENTS',
    subjects: ['old.event.>', 'old.more'],
    max_age: 0,
    max_msgs: 5,
    duplicate_window: nanos(60_000),
  });
  await using opened = await openStore({ servers: [server.url], prefix: 'old', retention });
  await opened.store.ensureHorizon(hourMs, neverAborted);
  t.match(await configOf('OLD_EVENTS'), {
    subjects: ['old.event.>', 'old.more'],
    max_age: 0,
    max_msgs: 5,
    duplicate_window: nanos(hourMs),
  });
  const report = opened.reports.find(([name]) => name === 'streamDiffers');
  t.match(report, [
    'streamDiffers',
    'OLD_EVENTS',
    [/^subjects is .*old\.more.*the config says/, /^max_age is 0/],
  ]);
});

t.test('lifts a limit of the size of messages that MNS can exceed, and no other', async (t) => {
  await manager.streams.add({ name: 'SMALL_EVENTS', subjects: ['small.event.>'], max_msg_size: 1_000 });
  await manager.streams.add({
    name: 'SMALL_DEAD_LETTERS',
    subjects: ['small.dead-letter.>'],
    max_msg_size: 900_000,
  });
  await using opened = await openStore({ servers: [server.url], prefix: 'small', retention });
  await opened.store.ensureHorizon(hourMs, neverAborted);
  t.match(await configOf('SMALL_EVENTS'), { max_msg_size: -1 });
  t.match(await configOf('SMALL_DEAD_LETTERS'), { max_msg_size: 900_000 });
});

t.test('leaves streams alone that are someone else’s to manage', async (t) => {
  await using opened = await openStore({ servers: [server.url], prefix: 'theirs', manageStreams: false });
  await opened.store.ensureHorizon(hourMs, neverAborted);
  await t.rejects(configOf('THEIRS_EVENTS'), /stream not found/);
});

t.test('workers that start at once all find the longest horizon', async (t) => {
  const horizons = [1, 2, 3, 4].map((hours) => hours * hourMs);
  const opened = await Promise.all(
    horizons.map(() => openStore({ servers: [server.url], prefix: 'many', retention })),
  );
  // Each worker asks for all horizons, since all have the same queues.
  await Promise.all(
    opened.map(async ({ store }) => {
      for (const horizonMs of horizons) await store.ensureHorizon(horizonMs, neverAborted);
    }),
  );
  t.match(await configOf('MANY_EVENTS'), { duplicate_window: nanos(4 * hourMs) });
  await Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
});

t.test('a window that another replica has shortened again is found and lengthened again', async (t) => {
  const clock = heldTimers(lookMs);
  const [short, long] = await Promise.all([
    openStore({ servers: [server.url], prefix: 'stale', retention }),
    openStore({ servers: [server.url], prefix: 'stale', retention }, clock),
  ]);
  await short.store.ensureHorizon(hourMs, neverAborted);
  const stale = await configOf('STALE_EVENTS');
  await long.store.ensureHorizon(7 * hourMs, neverAborted);
  // The update of a replica that read the stream before the other lengthened it.
  await manager.streams.update('STALE_EVENTS', { ...stale, duplicate_window: nanos(2 * hourMs) });
  for (const round of ['soon', 'now and then']) {
    const isLong = async (): Promise<boolean> => {
      clock.fire();
      return (await configOf('STALE_EVENTS')).duplicate_window === nanos(7 * hourMs);
    };
    await until(isLong, { what: `it is lengthened ${round}` });
    t.equal((await configOf('STALE_EVENTS')).max_age, stale.max_age);
    await manager.streams.update('STALE_EVENTS', { ...stale, duplicate_window: nanos(2 * hourMs) });
  }
  await Promise.all([short, long].map((each) => each[Symbol.asyncDispose]()));
});

t.test('tries until NATS takes the stream, and gives up when told to', async (t) => {
  await manager.streams.add({ name: 'IN_THE_WAY', subjects: ['way.>'] });
  await using opened = await openStore({ servers: [server.url], prefix: 'way', retention });
  const stop = new AbortController();
  const given = opened.store.ensureHorizon(hourMs, stop.signal);
  await until(() => opened.reports.some(([name]) => name === 'declareFailed'), { what: 'it fails' });
  t.match(opened.reports.at(-1), ['declareFailed', /^WAY_/, /subjects overlap/]);
  stop.abort();
  await given;
  const trying = opened.store.ensureHorizon(hourMs, neverAborted);
  await manager.streams.delete('IN_THE_WAY');
  await trying;
  t.match(await configOf('WAY_EVENTS'), { duplicate_window: nanos(hourMs) });
});

t.test('the streams of the follow-up', async (t) => {
  await t.test('are created beside the others, and remember ids as long as the config says', async (t) => {
    await using opened = await openStore({ servers: [server.url], prefix: 'follow', retention });
    await opened.store.ensureFollowUpStreams(hourMs, neverAborted);
    t.match(await configOf('FOLLOW_FOLLOW_UPS'), {
      subjects: ['follow.follow-up.>'],
      storage: 'file',
      discard: 'old',
      duplicate_window: nanos(hourMs),
      max_age: nanos(retention.followUpsMs),
    });
    t.match(await configOf('FOLLOW_PERMITS'), {
      subjects: ['follow.permit.>'],
      storage: 'file',
      max_msgs_per_subject: 1,
      max_age: 0,
    });
    t.same(opened.reports.slice(1).sort(), [
      ['streamCreated', 'FOLLOW_DEAD_LETTERS'],
      ['streamCreated', 'FOLLOW_EVENTS'],
      ['streamCreated', 'FOLLOW_FOLLOW_UPS'],
      ['streamCreated', 'FOLLOW_PERMITS'],
    ]);
    await opened.store.ensureFollowUpStreams(hourMs, neverAborted);
    t.equal(opened.reports.length, 5, 'nothing is created or different the second time');
  });

  await t.test('remember ids as long as the events when only the relay can know', async (t) => {
    await using opened = await openStore({ servers: [server.url], prefix: 'auto', retention });
    await opened.store.ensureHorizon(7 * hourMs, neverAborted);
    await using other = await openStore({ servers: [server.url], prefix: 'auto', retention });
    await other.store.ensureFollowUpStreams('auto', neverAborted);
    for (const stream of ['AUTO_EVENTS', 'AUTO_DEAD_LETTERS', 'AUTO_FOLLOW_UPS']) {
      t.match(await configOf(stream), { duplicate_window: nanos(7 * hourMs) }, stream);
    }
  });

  await t.test(
    'remember ids for four days when there are no events yet; never for less than before',
    async (t) => {
      await using opened = await openStore({ servers: [server.url], prefix: 'first', retention });
      await opened.store.ensureFollowUpStreams('auto', neverAborted);
      await opened.store.ensureFollowUpStreams(hourMs, neverAborted);
      for (const stream of ['FIRST_EVENTS', 'FIRST_FOLLOW_UPS']) {
        t.match(
          await configOf(stream),
          { duplicate_window: nanos(96 * hourMs), max_age: nanos(96 * hourMs) },
          stream,
        );
      }
    },
  );

  await t.test('are left alone when they are someone else’s to manage', async (t) => {
    await using opened = await openStore({
      servers: [server.url],
      prefix: 'hands-off',
      manageStreams: false,
    });
    await opened.store.ensureFollowUpStreams('auto', neverAborted);
    await t.rejects(configOf('HANDS-OFF_FOLLOW_UPS'), /stream not found/);
  });
});

t.test('a stream that somebody deletes is declared again', async (t) => {
  await using opened = await openStore({ servers: [server.url], prefix: 'gone', retention });
  const { store } = opened;
  await store.ensureHorizon(2 * hourMs, neverAborted);
  await store.ensureFollowUpStreams('auto', neverAborted);

  await t.test('when there is something to publish to it', async (t) => {
    await manager.streams.delete('GONE_EVENTS');
    const publication = { subject: 'gone.event.x', stream: 'GONE_EVENTS', msgId: '1', body: '', headers: {} };
    t.match(await store.publisher.publish(publication, neverAborted), { duplicate: false });
    t.equal((await configOf('GONE_EVENTS')).duplicate_window, nanos(2 * hourMs), 'as long as before');
    t.ok(store.gate.isOpen);
  });

  await t.test('even if it was there the first time, and took nothing', async (t) => {
    await manager.streams.update('GONE_EVENTS', { subjects: ['gone.elsewhere'] });
    const publication = { subject: 'gone.event.x', stream: 'GONE_EVENTS', msgId: '2', body: '', headers: {} };
    const published = store.publisher.publish(publication, neverAborted);
    await until(() => opened.reports.some(([name]) => name === 'streamDiffers'), {
      what: 'it was looked at',
    });
    await manager.streams.delete('GONE_EVENTS');
    t.match(await published, { duplicate: false });
  });

  await t.test('when jobs are taken from it', async (t) => {
    await manager.streams.delete('GONE_FOLLOW_UPS');
    const filterSubject = 'gone.follow-up.>';
    const queue = store.jobQueue({
      stream: 'followUps',
      durable: 'd',
      filterSubject,
      maxInFlight: 1,
      maxAckPending: 1,
    });
    const stop = new AbortController();
    const running = queue.run((job) => job.ack().then(() => undefined), stop.signal);
    await until(() => opened.reports.some(([name]) => name === 'jobQueueRunning'), { what: 'it runs' });
    t.equal((await configOf('GONE_FOLLOW_UPS')).max_age, nanos(15 * hourMs));
    stop.abort();
    await running;
  });
});

t.test('whoever waits behind a declaration that cannot succeed can be told to give up', async (t) => {
  await manager.streams.add({ name: 'IN-THE-WAY', subjects: ['blocked.event.>'] });
  await using opened = await openStore({ servers: [server.url], prefix: 'blocked', retention });
  const [first, second] = [new AbortController(), new AbortController()];
  const declaring = opened.store.ensureHorizon(hourMs, first.signal);
  await until(() => opened.reports.some(([name]) => name === 'declareFailed'), { what: 'it fails' });
  const waiting = opened.store.ensureHorizon(2 * hourMs, second.signal);
  second.abort();
  await waiting;
  first.abort();
  await declaring;
  t.notOk(
    opened.reports.some(([name, stream]) => name === 'streamCreated' && stream === 'BLOCKED_EVENTS'),
    'and what is not in the way is there',
  );
});

t.test('opening the store', async (t) => {
  const options = { servers: ['nats://127.0.0.1:1', server.url], prefix: 'vod', retention };

  await t.test('reaches the server that is up', async (t) => {
    await using opened = await openStore(options);
    t.match(opened.reports[0], ['connected', new URL(server.url).host]);
  });

  await t.test('says why it cannot, and ends when told to', async (t) => {
    const reports: Report[] = [];
    const stop = new AbortController();
    const unreachable = { servers: ['nats://127.0.0.1:1'], prefix: 'vod', retention };
    const opening = Store.open(
      { ...storeDefaults, ...unreachable },
      systemClock,
      recorder(reports),
      stop.signal,
    );
    await until(() => reports.length > 0, { what: 'it fails' });
    t.match(reports[0], ['connectFailed', ['nats://127.0.0.1:1'], /ECONNREFUSED/, { code: 'ECONNREFUSED' }]);
    stop.abort();
    t.equal(await opening, undefined);
  });
});

/** A look at the streams comes after this, or later. */
const lookMs = 10_000;

const storeDefaults = {
  name: 'test',
  auth: { type: 'none' as const },
  tls: { handshakeFirst: false },
  manageStreams: true,
  streamReplicas: 1,
  maxPublishesInFlight: 1024,
  ackTimeoutMs: 5_000,
};

async function configOf(stream: string): Promise<StreamConfig> {
  return (await manager.streams.info(stream)).config;
}
