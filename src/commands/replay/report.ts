import { Presets, SingleBar } from 'cli-progress';
import { createSay } from '../../operate/log-lines/log-lines.js';
import type { Logger } from '../../operate/log.js';
import { selectedOf, type Counts } from '../../replay/counts.js';
import { hasOwnIds, type ReplayPlan } from '../../replay/plan.js';
import type { ReplayResult } from '../../replay/replay.js';
import type { Clock } from '../../time.js';

/** A replay that ended, with what a person needs to read its figures. */
export interface EndedReplay {
  id: string;
  plan: ReplayPlan;
  dryRun: boolean;
  result: ReplayResult;
}

/** Everything that was selected is where it belongs, or was left there on purpose. */
export function isSettled({ end, counts, inDoubt, notDeleted, notLookedAt }: ReplayResult): boolean {
  return end === 'finished' && counts.failed + inDoubt + notDeleted + notLookedAt === 0;
}

export function toJson({ id, dryRun, result }: EndedReplay): string {
  const { counts, ...rest } = result;
  return JSON.stringify({
    ...(dryRun ? {} : { id }),
    dryRun,
    settled: isSettled(result),
    ...rest,
    ...counts,
    selected: selectedOf(counts),
  });
}

/** The summary table, and what follows from it. */
export function toText(ended: EndedReplay): string {
  const { id, dryRun, result } = ended;
  const { counts, inDoubt } = result;
  const rows: readonly (readonly [string, number])[] = [
    ['seen', counts.seen],
    ['filtered out', counts.filteredOut],
    ['selected', selectedOf(counts)],
    [dryRun ? '  would publish' : '  published', counts.published],
    ['  suppressed (already in the stream)', counts.suppressed],
    ['  still undecodable', counts.undecodable],
    ['  left as they are', counts.left],
    ['  failed', counts.failed],
    ['  in doubt', inDoubt],
    ['would lead to a VOD call', counts.wouldCall],
  ];
  const title = dryRun ? 'Dry run: nothing was changed' : `Replay ${id}: ${result.end}`;
  const table = rows.map(([name, count]) => `  ${name.padEnd(40)}${String(count).padStart(10)}`);
  return [title, ...table, ...notes(ended), ''].join('\n');
}

function notes({ id, plan, dryRun, result }: EndedReplay): string[] {
  const { counts, released, notDeleted, notLookedAt, end } = result;
  const { suppressed, published } = counts;
  const told: string[] = [];
  if (suppressed > 0 && !hasOwnIds(plan)) {
    told.push(
      `suppressed: ${suppressed}, published: ${published}. The stream has them already: --again sends them to everyone, ` +
        '--to <prefix> to a subject of its own.',
    );
  }
  if (released > 0) {
    told.push(
      `${released} messages were received and given back to their queue: the attempts of each (DequeueCount) went up by one.`,
    );
  }
  if (notDeleted > 0) {
    told.push(
      `${notDeleted} are settled and still at their source: nothing is lost, the next replay suppresses them.`,
    );
  }
  if (notLookedAt > 0) {
    told.push(`The scan stopped at the 5,000 messages it may hold: about ${notLookedAt} were not looked at.`);
  }
  if (end !== 'finished' && !dryRun) told.push(resumeLine(id));
  return told;
}

/** The command that goes on with a replay. */
export function resumeLine(id: string): string {
  return `To go on: vod-relay replay --resume ${id} (with the same --config)`;
}

const lineEveryMs = 5_000;

/** Tells how far a replay is: a bar on a terminal, elsewhere a log line every few seconds. */
export function createProgressReport(
  terminal: NodeJS.WritableStream & { isTTY?: boolean },
  log: Logger,
  clock: Clock,
): { progress(counts: Counts, total: number): void; end(): void } {
  const startedMs = clock.monotonicMs();
  const format =
    '{bar} {value}/{total}, {perSecond}/s, published {published}, suppressed {suppressed}, undecodable {undecodable}';
  const bar = new SingleBar({ format, barsize: 24, stream: terminal }, Presets.shades_classic);
  let toldMs = startedMs;
  let atStart: number | undefined;
  return {
    progress(counts, total) {
      const { seen } = counts;
      const isFirst = atStart === undefined;
      atStart ??= seen - 1;
      const nowMs = clock.monotonicMs();
      const perSecond = Math.round(((seen - atStart) * 1000) / Math.max(1, nowMs - startedMs));
      if (terminal.isTTY === true) {
        if (isFirst) bar.start(total, seen, { ...counts, perSecond });
        bar.setTotal(total);
        bar.update(seen, { ...counts, perSecond });
      } else if (nowMs - toldMs >= lineEveryMs) {
        toldMs = nowMs;
        createSay(log)('replayProgress', { ...counts, remaining: total - seen, perSecond });
      }
    },
    end() {
      bar.stop();
    },
  };
}
