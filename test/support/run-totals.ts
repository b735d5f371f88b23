import type { WorkerProcess } from './worker-process.js';

/**
 * The totals of one queue when a worker stops: how many messages it received, and how many ended in each
 * outcome.
 */
export type QueueTotals = Readonly<Record<string, number>>;

/** The last line of a worker that has ended. */
export async function runTotals(worker: WorkerProcess): Promise<Record<string, QueueTotals>> {
  const { totals } = await worker.waitForLog(({ message }) => message === 'worker stopped');
  return totals as Record<string, QueueTotals>;
}

/** How many messages of a queue came to an outcome. */
export function outcomes(totals: QueueTotals | undefined): number {
  const { received: _received, ...rest } = totals ?? {};
  return Object.values(rest).reduce((sum, count) => sum + count, 0);
}
