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
    const { control, sandbox } = testbed;
    const ids = await seedOrphans(testbed, 200);
    const uploading = ids.filter((_id, index) => index % 4 === 0);
    // The quiet period is a whole day, and every look finds the last modification almost that long ago: none
    // falls quiet before all are put off, however slow the worker is.
    let fallsQuietMs = 0;
    const dueTimes = new Set<unknown>();
    const goOn = (): void => {
      fallsQuietMs = Math.ceil(Date.now() / 1000) * 1000 + 12_000;
      dueTimes.add(new Date(fallsQuietMs).toISOString());
      for (const mediaId of uploading) {
        sandbox.actions.setUpload(mediaId, { uploading: true, modifiedMs: fallsQuietMs - dayMs });
      }
    };
    goOn();
    await control.setVodQuotas({ DeleteMultipartUpload: 100, GetVideoInfo: 1_000 });
    await testbed.startWorker({ followUp: { callsPerSecond: 90 } }, 'follow-up');
    const areAllPutOff = async (): Promise<boolean> => {
      goOn();
      const putOff = (await postponements(testbed)).map(({ event }) => event.data['mediaId']);
      return uploading.every((mediaId) => putOff.includes(mediaId));
    };
    await until(areAllPutOff, { what: 'the uploads are put off', timeoutMs: 60_000 });
    for (const { event } of await postponements(testbed)) {
      t.ok(dueTimes.has(event.data['dueTime']), 'until it is quiet');
    }
    for (const mediaId of uploading) sandbox.actions.setUpload(mediaId, { uploading: false });

    t.same(await untilAllHaveOutcomes(testbed, ids), { deleted: 200 });
    const { liveUploadsAborted, partsLeft } = await control.vodState();
    t.same({ liveUploadsAborted, partsLeft }, { liveUploadsAborted: 0, partsLeft: 0 });
    const calls = await control.vodCalls();
    t.ok(
      calls.filter(({ mediaId }) => uploading.includes(mediaId)).every(({ atMs }) => atMs >= fallsQuietMs),
      'none of them is called on before',
    );
  },
);

t.test('what was put off survives the worker, and an upload that goes on is put off again', async (t) => {
  await using testbed = await startTestbed();
  const { control } = testbed;
  const followUp = { quietPeriod: '8s' };
  const [id = ''] = await seedOrphans(testbed, 1, () => ({ uploading: true }));
  // It goes on at every look: what the killed worker held is handed out again when its ack wait of 15 s is
  // over, which is longer than the quiet period.
  const isPutOff = async (times: number): Promise<boolean> => {
    await control.setUpload(id, { modifiedMs: Date.now() });
    return (await postponements(testbed)).length >= times;
  };
  t.notOk(await isPutOff(1));
  const first = await testbed.startWorker({ followUp }, 'follow-up');
  await until(() => isPutOff(1), { what: 'it is put off' });
  first.kill('SIGKILL');
  await first.exit;
  await testbed.startWorker({ followUp }, 'follow-up');
  await until(() => isPutOff(2), { what: 'it is put off again', timeoutMs: 60_000 });
  await control.setUpload(id, { uploading: false });
  t.same(await untilAllHaveOutcomes(testbed, [id]), { deleted: 1 });
  t.equal((await control.vodState()).liveUploadsAborted, 0);
});
