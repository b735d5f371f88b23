import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

export interface Throughput {
  messages: number;
  perSecond: number;
  /** CPU time of the worker, its start and stop included. */
  cpuMicrosPerMessage: number;
}

const queue = 'vod-events';

/** How fast one worker empties a queue, from the start of the process to the last delete. */
export async function measureThroughput(messages: number): Promise<Throughput> {
  await using testbed = await startTestbed({ queues: [{ name: queue }] });
  const { actions } = testbed.sandbox;
  const bodies = Array.from({ length: messages }, (_, i) => ({
    body: deletionBody({ MediaId: `bench-${i}` }),
  }));
  actions.feed(queue, bodies);
  const worker = await testbed.startWorker();
  const deleted = (): number => actions.state().queues[queue]?.deleted ?? 0;
  await until(() => deleted() > 0, { what: 'the first message is deleted', everyMs: 1 });
  const [firstMs, first] = [performance.now(), deleted()];
  await until(() => deleted() === messages, { what: 'the last is deleted', everyMs: 5, timeoutMs: 600_000 });
  const elapsedMs = performance.now() - firstMs;
  worker.kill();
  await worker.exit;
  const { cpuMs } = await worker.waitForLog(({ message }) => message === 'worker stopped');
  return {
    messages,
    perSecond: ((messages - first) / elapsedMs) * 1000,
    cpuMicrosPerMessage: (Number(cpuMs) / messages) * 1000,
  };
}
