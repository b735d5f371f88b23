import { setTimeout as wait } from 'node:timers/promises';
import type { VodQuotas } from '../../src/sandbox/control/vod-types.js';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import {
  callFigures,
  isRefused,
  seedOrphans,
  untilAllHaveOutcomes,
  type CallFigures,
} from '../support/orphans.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';

const replicas = 3;

export interface FleetRun extends CallFigures {
  orphans: number;
  kills: number;
  partsLeft: number;
  /** Media by their final outcome. */
  outcomes: Record<string, number>;
}

/**
 * Three follow-up workers on one backlog of orphans. With `killEveryMs`, one of them at random is killed and
 * replaced.
 */
export async function measureFleet(options: {
  orphans: number;
  killEveryMs?: number;
  faults?: readonly FaultRule[];
}): Promise<FleetRun> {
  const { orphans, killEveryMs, faults = [] } = options;
  await using testbed = await startTestbed();
  const ids = await seedOrphans(testbed, orphans);
  const { actions } = testbed.sandbox;
  actions.setFaults(faults);
  const start = async () => await testbed.startWorker({}, 'follow-up');
  const workers = await Promise.all(Array.from({ length: replicas }, start));
  let kills = 0;
  while (actions.vodState().partsLeft > 0) {
    await wait(killEveryMs ?? 1_000);
    if (killEveryMs === undefined) continue;
    const [victim] = workers.splice(Math.floor(Math.random() * workers.length), 1);
    victim?.kill('SIGKILL');
    workers.push(await start());
    kills++;
  }
  const outcomes = await untilAllHaveOutcomes(testbed, ids, 120_000);
  return {
    orphans,
    kills,
    partsLeft: actions.vodState().partsLeft,
    outcomes,
    ...callFigures(actions.vodCalls()),
  };
}

export interface Window {
  /** Since the quota was cut, in seconds. */
  fromSeconds: number;
  quota: number;
  calls: number;
  refusedPercent: number;
}

const windowMs = 10_000;

/**
 * Three follow-up workers, whose account's quota is cut at run time and restored later. One row every ten
 * seconds.
 */
export async function measureQuotaCut(
  steps: readonly { quota: number; seconds: number }[],
): Promise<Window[]> {
  await using testbed = await startTestbed();
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  await seedOrphans(testbed, seconds * 10);
  const { actions } = testbed.sandbox;
  await Promise.all(Array.from({ length: replicas }, () => testbed.startWorker({}, 'follow-up')));
  await until(() => actions.vodCalls().length > 0, { what: 'calls begin' });
  const windows: Window[] = [];
  const startMs = Date.now();
  for (const { quota, seconds: lasting } of steps) {
    actions.setVodQuotas({ DeleteMultipartUpload: quota } satisfies Partial<VodQuotas>);
    for (let at = 0; at < lasting * 1000; at += windowMs) {
      const fromMs = Date.now();
      await wait(windowMs);
      const calls = actions.vodCalls().filter(({ atMs }) => atMs >= fromMs);
      const refused = calls.filter(isRefused).length;
      const refusedPercent = calls.length === 0 ? 0 : (refused / calls.length) * 100;
      windows.push({ fromSeconds: (fromMs - startMs) / 1000, quota, calls: calls.length, refusedPercent });
    }
  }
  return windows;
}
