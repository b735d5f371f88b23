import { connect } from 'nats';
import t from 'tap';
import {
  callFigures,
  finalOutcomes,
  relayDeletions,
  seedOrphans,
  untilAllHaveOutcomes,
} from '../support/orphans.js';
import { storedEvents } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { sumOf, workerHttp } from '../support/worker-http.js';

t.test('a consumer that is deleted starts again, and calls on nothing a second time', async (t) => {
  await using testbed = await startTestbed();
  const { control, nats } = testbed;
  const ids = await seedOrphans(testbed, 6);
  const worker = await testbed.startWorker({ followUp: { quietPeriod: '1s' } }, 'follow-up');
  t.same(await untilAllHaveOutcomes(testbed, ids), { deleted: 6 });
  // A second call would abort these: they run, and nothing has moved their time of modification for long.
  for (const id of ids) await control.setUpload(id, { uploading: true });
  const connection = await connect({ servers: nats.url });
  const manager = await connection.jetstreamManager();
  await manager.consumers.delete('VOD_EVENTS', 'follow-up');
  await worker.waitForLog(
    ({ message, waiting }) => /consumer created/.test(String(message)) && waiting === 6,
  );
  await until(async () => (await manager.consumers.info('VOD_EVENTS', 'follow-up')).num_ack_pending === 0, {
    what: 'all are acked again',
  });
  await connection.close();
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  const stopped = await worker.waitForLog(({ message }) => message === 'worker stopped');
  t.match(stopped['followUps'], { deleted: 6, 'already-settled': 6 });
  t.equal((await control.vodCalls()).length, 6);
  t.equal((await control.vodState()).liveUploadsAborted, 0);
  t.equal((await finalOutcomes(testbed)).length, 6);
});

t.test('a clock that is eight days ahead for a while gives nothing up', async (t) => {
  await using testbed = await startTestbed();
  const ids = await seedOrphans(testbed, 20);
  const ahead = "const now=Date.now;Date.now=()=>now()+6912e5;process.on('SIGHUP',()=>{Date.now=now})";
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(ahead)}`;
  const worker = await testbed.startWorker({}, 'follow-up', { NODE_OPTIONS });
  const line = await worker.waitForLog(({ of }) => of === 'VOD');
  t.match(line, { level: 'error', aheadSeconds: Number });
  const aheadSeconds = sumOf(await (await workerHttp(worker)).scrape(), 'vod_relay_clock_ahead_seconds', {
    of: 'VOD',
  });
  t.ok(aheadSeconds > 600_000, `the metric says ${aheadSeconds}`);
  worker.kill('SIGHUP');
  t.same(await untilAllHaveOutcomes(testbed, ids), { deleted: 20 });
  const put = (await storedEvents(testbed.nats.url, 'VOD_FOLLOW_UPS')).filter(
    ({ event }) => event.data['outcome'] === 'postponed',
  );
  t.ok(put.length > 0);
  t.same(
    put.filter(({ event }) => event.data['attempts'] !== 0),
    [],
    'no attempt is used up',
  );
  t.equal(callFigures(await testbed.control.vodCalls()).repeated, 0);
});

t.test('under verify a whole deletion is called on once, and VOD has nothing to delete', async (t) => {
  await using testbed = await startTestbed();
  const { control } = testbed;
  const EventTime = new Date().toISOString().replace(/\.\d+/, '');
  const gone = { Status: 'fail', ErrorCode: 'InvalidVideo.NotFound', EventTime };
  const bodies = [deletionBody({ MediaId: 'whole', EventTime }), deletionBody({ MediaId: 'gone', ...gone })];
  await relayDeletions(testbed, bodies);
  await testbed.startWorker({ followUp: { policy: 'verify', quietPeriod: '1s' } }, 'follow-up');
  t.same(await untilAllHaveOutcomes(testbed, ['whole', 'gone']), { 'nothing-to-delete': 2 });
  const calls = await control.vodCalls();
  t.same(calls.map(({ mediaId }) => mediaId).toSorted(), ['gone', 'whole']);
  t.match(
    (await finalOutcomes(testbed)).map(({ event }) => event.data),
    [{ attempts: 1 }, { attempts: 1 }],
  );
  t.equal((await control.vodState()).liveUploadsAborted, 0);
});

t.test('a consumer that somebody pauses is said to be paused', async (t) => {
  await using testbed = await startTestbed();
  await seedOrphans(testbed, 1);
  const connection = await connect({ servers: testbed.nats.url });
  const { version = '' } = connection.info ?? {};
  const [, minor = 0] = version.split('.').map(Number);
  const worker = await testbed.startWorker({}, 'follow-up');
  await untilAllHaveOutcomes(testbed, ['orphan-0']);
  const manager = await connection.jetstreamManager();
  const pauseEnd = new Date(Date.now() + 3_600_000);
  const pausing = manager.consumers.pause('VOD_EVENTS', 'follow-up', pauseEnd);
  const http = await workerHttp(worker);
  const paused = async (): Promise<number> =>
    sumOf(await http.scrape(), 'vod_relay_consumer_paused', { consumer: 'follow-up' });
  t.equal(await paused(), 0);
  if (minor < 11) {
    await t.rejects(pausing, 'a server before 2.11 pauses nothing');
    t.equal((await http.probe('/readyz')).status, 200);
  } else {
    await pausing;
    const line = await worker.waitForLog(({ message }) => /consumer paused/.test(String(message)));
    t.match(line, { level: 'warn', consumer: 'follow-up', stream: 'VOD_EVENTS', until: String });
    const { status, body } = await http.probe('/readyz');
    t.equal(status, 503);
    t.equal(await paused(), 1);
    t.match(JSON.stringify(body), /paused until .*nats consumer resume VOD_EVENTS follow-up/);
    await manager.consumers.resume('VOD_EVENTS', 'follow-up');
    await worker.waitForLog(({ message }) => message === 'follow-up consumer resumed');
  }
  await connection.close();
});
