import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { finish } from './finish.js';
import type { Config } from '../config/config.js';
import { loadConfigFromProcess } from '../config/load.js';
import { createSay } from '../operate/log-lines/log-lines.js';
import { createLog, type Logger } from '../operate/log.js';
import { createCommandTelemetry, type Telemetry } from '../operate/telemetry.js';
import { Store } from '../nats/store.js';
import { streamNames } from '../event/layout.js';
import { readCheckpoint, type Checkpoint } from '../replay/checkpoint.js';
import type { ReplayPlan } from '../replay/plan.js';
import { replay, type ReplayResult } from '../replay/replay.js';
import { systemClock as clock } from '../time.js';
import { createCallForecast, createPlanOf } from './replay/follow-ups.js';
import { addReplayOptions, checkResume, planOf, type ReplayFlags } from './replay/options.js';
import {
  createProgressReport,
  isSettled,
  resumeLine,
  toJson,
  toText,
  type EndedReplay,
} from './replay/report.js';
import { createSources } from './replay/sources.js';
import { prepareTarget } from './replay/target.js';
import type { StopSignals } from './run.js';

/**
 * `vod-relay replay`: sends what is past again. The result goes to standard output, everything else to
 * standard error.
 */
export function replayCommand(listen: () => StopSignals): Command {
  const command = new Command('replay');
  return addReplayOptions(command).action(async (flags: ReplayFlags) => {
    if (flags.resume !== undefined) checkResume(command);
    const ended = await run(flags, listen());
    const text = ended ? (flags.json ? `${toJson(ended)}\n` : toText(ended)) : '';
    await finish(text, ended && isSettled(ended.result) ? 0 : 1);
  });
}

/** @returns undefined when it was stopped before it began. */
async function run(flags: ReplayFlags, signals: StopSignals): Promise<EndedReplay | undefined> {
  const config = loadConfigFromProcess(flags.config);
  const isTerminal = process.stderr.isTTY && !flags.json;
  const log = createLog(isTerminal ? 'warn' : config.log.level, process.stderr);
  const telemetry = createCommandTelemetry(log, clock);
  const store = await Store.open(config.nats, clock, telemetry, signals.stop);
  if (!store) return undefined;
  try {
    return await Promise.race([runWith(store, { flags, config, log, telemetry, signals }), store.closed()]);
  } finally {
    await store.close();
  }
}

interface Session {
  flags: ReplayFlags;
  config: Config;
  log: Logger;
  telemetry: Telemetry;
  signals: StopSignals;
}

async function runWith(store: Store, session: Session): Promise<EndedReplay> {
  const { flags, config, log, telemetry, signals } = session;
  const { stop, abandon } = signals;
  const { prefix } = config.nats;
  const dryRun = flags.dryRun === true;
  const { id, plan, resumed } = await begin(flags, store, prefix, stop);
  if (resumed?.state === 'finished') return { id, plan, dryRun, result: finishedBefore(resumed) };
  const planOf = createPlanOf(config.followUp, clock);
  const sources = createSources({
    config,
    store,
    plan,
    replayId: id,
    planOf,
    onTrouble: troubleOf(telemetry),
  });
  const targetStream = await prepareTarget({ config, plan, dryRun, events: telemetry, signal: stop });
  const report = createProgressReport(process.stderr, log, clock);
  if (!dryRun) createSay(log)('replayStarting', { id, resumed: resumed !== undefined });
  try {
    const result = await replay({
      id,
      plan,
      dryRun,
      sources,
      prefix,
      targetStream,
      publisher: store.publisher,
      reader: store.reader(),
      clock,
      resumed,
      leadsToCall: createCallForecast(planOf, targetStream === streamNames(prefix).events),
      onProgress: (counts, total) => {
        report.progress(counts, total);
      },
      stop,
      abandon: graceAfter(stop, abandon, config.stop.graceMs),
    });
    return { id, plan, dryRun, result };
  } catch (error) {
    if (!dryRun) process.stderr.write(`${resumeLine(id)}\n`);
    throw error;
  } finally {
    report.end();
  }
}

/** A replay of its own, or the one to go on with. */
async function begin(
  flags: ReplayFlags,
  store: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<{ id: string; plan: ReplayPlan; resumed: Checkpoint | undefined }> {
  const { resume } = flags;
  if (resume === undefined) return { id: newId(), plan: planOf(flags), resumed: undefined };
  const resumed = await readCheckpoint(store.reader(), prefix, resume, signal);
  if (!resumed) throw new Error(`there is no replay ${resume}, or its checkpoint is no longer kept`);
  return { id: resume, plan: resumed.plan, resumed };
}

/** Begins with the time, so that ids sort. */
function newId(): string {
  const [day = '', time = ''] = new Date(clock.now()).toISOString().replace(/[-:]/g, '').split(/[T.]/);
  return `${day}-${time}-${randomBytes(3).toString('hex')}`;
}

function finishedBefore({ counts }: Checkpoint): ReplayResult {
  return { end: 'finished', counts, inDoubt: 0, released: 0, notDeleted: 0, notLookedAt: 0 };
}

function troubleOf(telemetry: Telemetry): (queue: string, error: unknown) => void {
  return (queue, error) => {
    telemetry.receiveFailed(queue, error, 0);
  };
}

/** Aborted with `abandon`, and when a stop takes longer than the grace period. */
function graceAfter(stop: AbortSignal, abandon: AbortSignal, graceMs: number): AbortSignal {
  const late = new AbortController();
  const wait = (): void => {
    clock.after(graceMs, () => {
      late.abort();
    });
  };
  if (stop.aborted) wait();
  stop.addEventListener('abort', wait);
  return AbortSignal.any([abandon, late.signal]);
}
