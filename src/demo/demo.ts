import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '../config/load.js';
import type { FaultRule } from '../sandbox/faults/fault.js';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.js';
import { sleep, systemClock } from '../time.js';
import { startNats, startWorker, type WorkerTotals } from './backdrop.js';
import { demoDeletions } from './deletions.js';
import { followUpLedger } from './follow-ups.js';
import { balance, isBalanced } from './ledger.js';
import { demoMessages } from './messages.js';
import { createReport, type DemoResult, type Report } from './report.js';
import { DemoStreams } from './streams.js';

const queue = 'vod-events';
/** Short, so that what a fault leaves invisible comes back while one watches. */
const visibilityMs = 5_000;
const giveUpAfterMs = 300_000;

/** The faults of real queues on a bad day, all at once. */
const faults: FaultRule[] = [
  { kind: '429', probability: 0.01, delayMs: 10 },
  { kind: '500', probability: 0.01 },
  { kind: 'html-502', probability: 0.005 },
  { kind: 'reset', probability: 0.005 },
  { kind: 'reset-after-effect', probability: 0.005 },
  { kind: 'truncated-body', probability: 0.005 },
  { kind: 'early-empty-poll', probability: 0.005 },
  { kind: 'partial-delete', probability: 0.02 },
  { kind: 'lost-delete', probability: 0.01 },
  { kind: 'duplicate-delivery', probability: 0.005 },
  { service: 'vod', operation: 'DeleteMultipartUpload', kind: 'reset-after-effect', probability: 0.1 },
  { service: 'vod', operation: 'DeleteMultipartUpload', kind: 'html-502', probability: 0.05 },
];

export interface DemoOptions {
  /** How many messages. */
  events: number;
  /** Prints one line of JSON instead of text. */
  json: boolean;
  /** Repeats the faults of an earlier run. */
  seed?: number | undefined;
}

/** The whole job on this machine, with faults, and an account of every message. */
export async function runDemo({ events, json, seed }: DemoOptions): Promise<DemoResult> {
  const messages = demoMessages(events);
  const report = createReport(json);
  const folder = await mkdtemp(join(tmpdir(), 'vod-relay-demo-'));
  const nats = await startNats(processEnvironment(), folder);
  const sandbox = await startSandbox({
    queues: [{ name: queue, visibilityMs }],
    vodEventQueue: queue,
    ...(seed !== undefined && { seed }),
  });
  const prefix = `vod-demo-${process.pid}`;
  const streams = await DemoStreams.connect(nats.url, prefix);
  const deletions = demoDeletions(sandbox);
  const sent = messages.length + deletions.count;
  report.started({ messages: sent, faults, seed: sandbox.seed, natsUrl: nats.url, folder });
  const worker = await startWorker(folder, sandbox, { url: nats.url, prefix }, queue);
  try {
    sandbox.actions.setFaults(faults);
    const startedMs = systemClock.monotonicMs();
    const before = await deletions.run();
    sandbox.actions.feed(queue, messages);
    await deletions.endUploads();
    await untilSettled(sandbox, report);
    const seconds = (systemClock.monotonicMs() - startedMs) / 1000;
    await untilFollowedUp(streams);
    sandbox.actions.clearFaults();
    const leftInTheQueue = sandbox.actions.remaining(queue).length;
    const { cpuMs, totals }: WorkerTotals = await worker.stop();
    const { stored, deletions: ids } = await streams.storedEvents();
    const ledger = balance(messages, deletions.keys, {
      stored,
      deadLetters: await streams.deadLetters(),
      leftInTheQueue,
      totals: totals[queue] ?? {},
      followUps: followUpLedger(ids, await streams.outcomes(), before, sandbox.actions.vodState()),
    });
    const result = {
      balanced: isBalanced(ledger),
      ledger,
      messagesPerSecond: Math.round(sent / seconds),
      workerCpuMicrosPerMessage: Math.round((cpuMs * 1000) / sent),
      seed: sandbox.seed,
    };
    report.finished(result, await streams.firstEvents(3), worker.logFile);
    await streams.remove();
    if (result.balanced) await rm(folder, { recursive: true });
    return result;
  } finally {
    worker.kill();
    await streams.close();
    await sandbox.close();
    await nats.stop();
  }
}

/** Waits until no follow-up is waiting; one that never ends is reported as it stands. */
async function untilFollowedUp(streams: DemoStreams): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + giveUpAfterMs;
  while (!(await streams.areFollowUpsDone()) && systemClock.monotonicMs() < deadlineMs) {
    await sleep(systemClock, 250);
  }
}

/** Waits until the queue is empty; a run that no longer moves is reported as it stands. */
async function untilSettled(sandbox: Sandbox, report: Report): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + giveUpAfterMs;
  for (;;) {
    const state = sandbox.actions.state().queues[queue];
    if (!state) return;
    const { sent, deleted, active, inactive } = state;
    report.progress(deleted, sent);
    if (active + inactive === 0 || systemClock.monotonicMs() > deadlineMs) return;
    await sleep(systemClock, 100);
  }
}
