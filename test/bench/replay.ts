import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';
import { print, table } from './print.js';
import { trickleLatencies, type Latencies } from './trickle.js';

const live = 'live';
const deadLetterQueue = 'dead-letter-queue';
const trickle = { queue: live, samples: 400, everyMs: 50 };
/** More than a replay at its default rate sends while the trickle lasts. */
const waiting = 4_500;

/** `npm run bench -- replay`: about a minute. */
export async function benchReplay(): Promise<void> {
  const alone = await measure(false);
  const beside = await measure(true);
  print(
    '\nA worker at its live queue, from send to PubAck, beside a replay of another queue at its default rate',
  );
  print(
    table(
      ['replay', 'replayed/s', 'median ms', 'p95 ms', 'samples'],
      [row('none', alone), row('at work', beside)],
    ),
  );
}

interface Run extends Latencies {
  replayedPerSecond: number;
}

async function measure(withReplay: boolean): Promise<Run> {
  await using testbed = await startTestbed({ queues: [{ name: live }, { name: deadLetterQueue }] });
  const { actions } = testbed.sandbox;
  const queues = [
    testbed.queue(live, { receive: { wait: '20s' } }),
    testbed.queue(deadLetterQueue, { mode: 'replay' }),
  ];
  actions.feed(
    deadLetterQueue,
    Array.from({ length: waiting }, (_, index) => ({ body: deletionBody({ MediaId: `dead-${index}` }) })),
  );
  await testbed.startWorker({ queues });
  await until(() => (actions.state().queues[live]?.openPolls ?? 0) > 0, { what: 'the worker receives' });
  const replayed = (): number => actions.state().queues[deadLetterQueue]?.deleted ?? 0;
  await using replay = withReplay ? await startReplay(testbed, queues) : undefined;
  if (replay) await until(() => replayed() > 200, { what: 'the replay is under way' });
  const [fromMs, from] = [performance.now(), replayed()];
  const latencies = await trickleLatencies(testbed, trickle);
  const seconds = (performance.now() - fromMs) / 1000;
  if (replay && replayed() === waiting) throw new Error('the replay was over before the trickle');
  return { ...latencies, replayedPerSecond: (replayed() - from) / seconds };
}

async function startReplay(testbed: Testbed, queues: readonly unknown[]): Promise<WorkerProcess> {
  const { accessKeyId, accessKeySecret } = testbed.sandbox;
  const credentials = { type: 'access_key', accessKeyId, accessKeySecret };
  const file = join(testbed.folder, 'replay.json');
  await writeFile(file, JSON.stringify({ queues, credentials, nats: { servers: [testbed.nats.url] } }));
  return startWorkerProcess(['replay', '--config', file]);
}

function row(name: string, { replayedPerSecond, medianMs, p95Ms, samples }: Run): string[] {
  return [name, replayedPerSecond.toFixed(0), medianMs.toFixed(1), p95Ms.toFixed(1), String(samples)];
}
