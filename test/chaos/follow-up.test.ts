import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { seededRandom } from '../../src/sandbox/random.js';
import { callFigures, seedOrphans, untilAllHaveOutcomes } from '../support/orphans.js';
import { startTestbed } from '../support/testbed.js';

const isLong = process.env['CHAOS_ROUNDS'] !== undefined;
const orphans = isLong ? 600 : 40;
const replicas = isLong ? 3 : 2;
const killEveryMs = isLong ? 3_000 : 700;
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));

const title = `${orphans} orphans, ${replicas} follow-up workers, one killed after each ${killEveryMs} ms of work, answers lost: each is deleted and has one outcome (CHAOS_SEED=${seed})`;

t.test(title, async (t) => {
  const random = seededRandom(seed);
  await using testbed = await startTestbed({ seed });
  const { control } = testbed;
  const ids = await seedOrphans(testbed, orphans);
  await control.setFaults([
    { service: 'vod', kind: 'reset-after-effect', operation: 'DeleteMultipartUpload', probability: 0.05 },
    { service: 'vod', kind: 'reset', probability: 0.02 },
    { kind: 'vod-error', code: 'ServiceUnAvailable', probability: 0.02 },
  ]);
  // However slow the machine, each is killed at work.
  const start = async () => {
    const worker = await testbed.startWorker({}, 'follow-up');
    await worker.waitForLog(({ message }) => message === 'follow-up consumer started');
    return worker;
  };
  const workers = await Promise.all(Array.from({ length: replicas }, start));
  const hasPartsLeft = async (): Promise<boolean> => (await control.vodState()).partsLeft > 0;
  let kills = 0;
  while (await hasPartsLeft()) {
    await wait(killEveryMs);
    const [victim] = workers.splice(Math.floor(random() * workers.length), 1);
    victim?.kill('SIGKILL');
    await victim?.exit;
    kills++;
    workers.push(await start());
    if (kills > 200) break;
  }
  const outcomes = await untilAllHaveOutcomes(testbed, ids, 90_000);
  const { deleted = 0, 'nothing-to-delete': nothing = 0, ...others } = outcomes;
  t.equal(deleted + nothing, orphans, 'one final outcome each');
  t.same(others, {});
  const { partsLeft, liveUploadsAborted } = await control.vodState();
  t.same({ partsLeft, liveUploadsAborted }, { partsLeft: 0, liveUploadsAborted: 0 });
  const { repeated, refusedPercent, seconds } = callFigures(await control.vodCalls());
  t.comment(
    `${kills} kills, ${repeated} repeated calls, ${refusedPercent.toFixed(2)} % refused, ${seconds.toFixed(1)} s`,
  );
  for (const worker of workers) worker.kill();
  for (const worker of workers) t.same(await worker.exit, { code: 0, signal: null });
});
