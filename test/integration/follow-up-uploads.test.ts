import t from 'tap';
import { untilAllHaveOutcomes, seedOrphans } from '../support/orphans.js';
import { storedEvents, type StoredEvent } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';

const dayMs = 24 * 3_600_000;

async function postponements({ nats }: Testbed): Promise<StoredEvent[]> {
  const events = await storedEvents(nats.url, 'VOD_FOLLOW_UPS');
  return events.filter(({ event }) => event.data['outcome'] === 'postponed');
}

t.test(
  'of 200 media the 50 that are being uploaded to are put off, and done when they fall quiet',
  async (t) => {
    await using testbed = await startTestbed();
    const { control, nats } = testbed;
    const ids = await seedOrphans(testbed, 200);
    const uploading = ids.filter((_id, index) => index % 4 === 0);
    // The quiet period is a whole day; the last modification of a running upload is almost that long ago.
    const fallsQuietMs = Math.ceil(Date.now() / 1000) * 1000 + 15_000;
    for (const mediaId of uploading) {
      await control.setUpload(mediaId, { uploading: true, modifiedMs: fallsQuietMs - dayMs });
    }
    await control.setVodQuotas({ DeleteMultipartUpload: 100, GetVideoInfo: 1_000 });
    await testbed.startWorker({ followUp: { callsPerSecond: 90 } }, 'follow-up');
    await until(async () => (await postponements(testbed)).length === uploading.length, {
      what: 'the uploads are put off',
    });
    const dueTimes = (await postponements(testbed)).map(({ event }) => event.data['dueTime']);
    t.ok(
      dueTimes.every((due) => due === new Date(fallsQuietMs).toISOString()),
      'until they are quiet',
    );
    for (const mediaId of uploading) await control.setUpload(mediaId, { uploading: false });

    t.same(await untilAllHaveOutcomes(testbed, ids), { deleted: 200 });
    const { liveUploadsAborted, partsLeft } = await control.vodState();
    t.same({ liveUploadsAborted, partsLeft }, { liveUploadsAborted: 0, partsLeft: 0 });
    const calls = await control.vodCalls();
    t.ok(
      calls.filter(({ mediaId }) => uploading.includes(mediaId)).every(({ atMs }) => atMs >= fallsQuietMs),
      'none of them is called on before',
    );
    t.equal((await storedEvents(nats.url, 'VOD_FOLLOW_UPS')).length, 250);
  },
);

t.test('what was put off survives the worker, and an upload that goes on is put off again', async (t) => {
  await using testbed = await startTestbed();
  const { control } = testbed;
  const followUp = { quietPeriod: '8s' };
  const [id = ''] = await seedOrphans(testbed, 1, () => ({ uploading: true }));
  await control.setUpload(id, { modifiedMs: Date.now() });
  const first = await testbed.startWorker({ followUp }, 'follow-up');
  await until(async () => (await postponements(testbed)).length === 1, { what: 'it is put off' });
  first.kill('SIGKILL');
  await first.exit;
  await control.setUpload(id, { modifiedMs: Date.now() });
  await testbed.startWorker({ followUp }, 'follow-up');
  // What the killed worker held is handed out again after 15 s.
  const again = { what: 'it is put off again', timeoutMs: 60_000 };
  await until(async () => (await postponements(testbed)).length === 2, again);
  await control.setUpload(id, { uploading: false });
  t.same(await untilAllHaveOutcomes(testbed, [id]), { deleted: 1 });
  t.equal((await control.vodState()).liveUploadsAborted, 0);
});
