import { connect } from 'nats';
import t from 'tap';
import { hostileMediaIds } from '../support/hostile-bodies.js';
import {
  callFigures,
  failedDeletion,
  finalOutcomes,
  longAgoMs,
  relayDeletions,
  seedOrphans,
  untilAllHaveOutcomes,
} from '../support/orphans.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import type { LogLine } from '../support/worker-process.js';

// They wait most of their time: for the job of a killed process to be handed out again, for permits, for
// starts.
t.jobs = 3;

t.test('`run` alone relays and follows up: an orphan is deleted once', { buffered: true }, async (t) => {
  await using testbed = await startTestbed();
  await testbed.control.seedMedia([{ mediaId: 'one', parts: 2, createdMs: longAgoMs() }]);
  const worker = await testbed.startWorker();
  const bodies = [failedDeletion('one'), failedDeletion('one'), deletionBody({ MediaId: 'gone' })];
  await testbed.control.feed(
    'vod-events',
    bodies.map((body) => ({ body })),
  );
  t.same(await untilAllHaveOutcomes(testbed, ['one', 'gone']), { deleted: 1, skipped: 1 });
  t.equal((await testbed.control.vodState()).partsLeft, 0);
  t.equal((await testbed.control.vodCalls()).length, 1);
  const [outcome] = (await finalOutcomes(testbed)).filter(({ event }) => event.data['mediaId'] === 'one');
  const [event] = (await storedEvents(testbed.nats.url)).filter(
    ({ event }) => event.data['mediaId'] === 'one',
  );
  t.equal(outcome?.subject, 'vod.follow-up.deleted.one');
  t.match(outcome?.event.data, {
    row: 'failed',
    attempts: 1,
    eventId: event?.event.id,
    requestId: (await testbed.control.vodCalls())[0]?.requestId,
  });
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  const stopped = await worker.waitForLog(({ message }) => message === 'worker stopped');
  t.match(stopped['followUps'], { deleted: 1, skipped: 1 });
});

t.test(
  'invariant 8: a process that dies between the call and the ack has no second effect and no second outcome',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    const { control } = testbed;
    const ids = await seedOrphans(testbed, 1);
    await control.setFaults([
      { kind: 'slow', operation: 'DeleteMultipartUpload', delayMs: 60_000, count: 1 },
    ]);
    const first = await testbed.startWorker({}, 'follow-up');
    await until(async () => (await control.vodState()).partsLeft === 0, {
      what: 'the call has taken effect',
    });
    first.kill('SIGKILL');
    await first.exit;
    await testbed.startWorker({}, 'follow-up');
    t.same(await untilAllHaveOutcomes(testbed, ids), { 'nothing-to-delete': 1 });
    t.same(
      (await control.vodCalls()).map(({ effect }) => effect),
      [true, false],
    );
  },
);

t.test(
  'a refusal of RAM is loud, and no secret is in a log line or an event',
  { buffered: true },
  async (t) => {
    const accessKeySecret = 'kept-well-secret';
    await using testbed = await startTestbed({ credentials: [{ accessKeyId: 'known-id', accessKeySecret }] });
    const { control, nats } = testbed;
    const ids = await seedOrphans(testbed, 3);
    await control.setFaults([
      { kind: 'vod-error', code: 'Forbidden.RAM', media: ids[0] ?? '' },
      { kind: 'vod-error', code: 'InvalidParameter', media: ids[1] ?? '' },
      { kind: 'vod-error', code: 'InternalError', media: ids[2] ?? '' },
    ]);
    const worker = await testbed.startWorker(
      { followUp: { maxAttempts: 2 }, log: { level: 'debug' } },
      'follow-up',
    );
    t.same(await untilAllHaveOutcomes(testbed, ids), { blocked: 1, failed: 2 });
    const line = await worker.waitForLog(({ outcome, level }) => outcome === 'blocked' && level === 'error');
    t.match(line, { level: 'error', code: 'Forbidden.RAM', mediaId: ids[0], reason: /vod:GetVideoInfo/ });
    const letters = await storedDeadLetters(nats.url);
    t.same(
      letters.map(({ subject }) => subject),
      Array(2).fill('vod.dead-letter.follow-up.follow-up-failed'),
    );
    t.same(
      letters.map(({ text }) => (JSON.parse(text) as { data: { mediaId: string } }).data.mediaId).sort(),
      ids.slice(1),
    );
    const events = await storedEvents(nats.url, 'VOD_FOLLOW_UPS');
    const told = [worker.stdout, worker.stderr, ...events.map(({ text }) => text)].join('\n');
    for (const secret of [accessKeySecret, 'known-id', 'Signature', 'ACS3-HMAC']) {
      t.notOk(told.includes(secret), `not ${secret}`);
    }
  },
);

t.test(
  'invariant 9: hostile media ids are asked about as they are, and reach no subject unescaped',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    const { control, nats } = testbed;
    const ids = Object.values(hostileMediaIds);
    await relayDeletions(testbed, ids.map(failedDeletion));
    const subscriber = await connect({ servers: nats.url });
    const subjects = new Set<string>();
    subscriber.subscribe('vod.>', { callback: (_error, { subject }) => subjects.add(subject) });
    await subscriber.flush();
    await testbed.startWorker({}, 'follow-up');
    // Of more than 256 characters, or with half a character in it: no id of VOD.
    const impossible = ids.filter((id) => id.length > 256 || id.startsWith('\ud800')).length;
    const asked = ids.length - impossible;
    t.same(await untilAllHaveOutcomes(testbed, ids), { 'nothing-to-delete': asked, unknown: impossible });
    await subscriber.close();
    const ours = [...subjects].filter((subject) => subject.startsWith('vod.follow-up.'));
    t.equal(ours.length, ids.length);
    t.same(
      ours.filter((subject) => !/^vod\.follow-up\.[a-z-]+\.[A-Za-z0-9_%-]+$/.test(subject)),
      [],
      'subjects are made of safe tokens',
    );
    t.equal((await control.vodState()).calls['GetVideoInfo']?.['InvalidVideo.NotFound'], asked);
  },
);

t.test(
  'with the policy off nothing is asked or called, and each event is skipped',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    const ids = await seedOrphans(testbed, 5);
    await testbed.startWorker({ followUp: { policy: 'off' } }, 'follow-up');
    t.same(await untilAllHaveOutcomes(testbed, ids), { skipped: 5 });
    t.same((await testbed.control.vodState()).calls, {});
  },
);

t.test(
  'a stop in the middle gives jobs back: another worker goes on at once, and none is lost',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    const ids = await seedOrphans(testbed, 60);
    const first = await testbed.startWorker({}, 'follow-up');
    await until(async () => (await testbed.control.vodCalls()).length >= 10, { what: 'calls are made' });
    first.kill();
    t.same(await first.exit, { code: 0, signal: null });
    const second = await testbed.startWorker({}, 'follow-up');
    t.same(await untilAllHaveOutcomes(testbed, ids), { deleted: 60 });
    const { repeated, mostInASecond } = callFigures(await testbed.control.vodCalls());
    t.equal(repeated, 0, 'each is called on once');
    t.ok(mostInASecond <= 10, 'within the quota');
    second.kill();
    await second.exit;
  },
);

t.test(
  'a backlog that is older than half of the retention is an error in the log',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    await seedOrphans(testbed, 2);
    await testbed.control.setFaults([{ service: 'vod', kind: 'hang' }]);
    const nats = { servers: [testbed.nats.url], retention: { events: '1s' } };
    const worker = await testbed.startWorker({ nats, dedupe: { horizon: '1s' } }, 'follow-up');
    // It looks once a minute.
    const isTold = ({ message }: LogLine): boolean =>
      String(message).startsWith('follow-up backlog older than half');
    const line = await worker.waitForLog(isTold, 150_000);
    t.match(line, { level: 'error', waiting: 2, oldestHours: Number });
  },
);

t.test(
  'the halves run apart: a relay makes no calls, a follow-up receives nothing',
  { buffered: true },
  async (t) => {
    await using testbed = await startTestbed();
    const { control } = testbed;
    await seedOrphans(testbed, 2);
    t.same((await control.vodState()).calls, {}, 'the relay asked VOD nothing');
    await control.feed('vod-events', [{ body: failedDeletion('later') }]);
    const polls = async (): Promise<unknown> => (await control.state()).queues['vod-events']?.requests;
    const before = await polls();
    await testbed.startWorker({}, 'follow-up');
    await until(async () => (await control.vodState()).partsLeft === 0, { what: 'orphans are deleted' });
    t.same(await polls(), before, 'and the follow-up asked MNS nothing');
  },
);
