import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import { failedDeletion } from '../support/orphans.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';

export interface Throughput {
  messages: number;
  perSecond: number;
  /** CPU time of the worker, its start and stop included. */
  cpuMicrosPerMessage: number;
}

const queue = 'vod-events';

/**
 * How fast one relay empties a queue, from its first delete to the last. With `vodFaults`, a follow-up worker
 * takes up the same events meanwhile, under these faults of VOD. With `env`, the relay has these variables.
 */
export async function measureThroughput(
  messages: number,
  { vodFaults, env = {} }: { vodFaults?: readonly FaultRule[]; env?: Readonly<Record<string, string>> } = {},
): Promise<Throughput> {
  await using testbed = await startTestbed({ queues: [{ name: queue }] });
  const { actions } = testbed.sandbox;
  const bodies = Array.from({ length: messages }, (_, i) => ({ body: failedDeletion(`bench-${i}`) }));
  actions.feed(queue, bodies);
  if (vodFaults) {
    actions.setFaults(vodFaults);
    const followUp = await testbed.startWorker({}, 'follow-up');
    await followUp.waitForLog(({ message }) => message === 'follow-up consumer started');
  }
  const worker = await testbed.startWorker({}, 'relay', env);
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
