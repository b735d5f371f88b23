import { PassThrough } from 'node:stream';
import t from 'tap';
import { createProgressReport, isSettled, toJson, toText } from '../../../src/commands/replay/report.js';
import { createLog } from '../../../src/operate/log.js';
import { noCounts } from '../../../src/replay/counts.js';
import type { ReplayResult } from '../../../src/replay/replay.js';
import { manualClock } from '../../support/manual-clock.js';

const plan = {
  source: 'queues',
  queues: [],
  selection: {},
  again: false,
  followUp: false,
  keep: false,
  rate: 100,
} as const;
const finished: ReplayResult = {
  end: 'finished',
  counts: { ...noCounts, seen: 10, filteredOut: 2, published: 5, suppressed: 3 },
  inDoubt: 0,
  released: 0,
  notDeleted: 0,
  notLookedAt: 0,
};

t.test('a replay is settled only when nothing was lost, is in doubt or was passed over', async (t) => {
  t.ok(isSettled(finished));
  t.ok(isSettled({ ...finished, counts: { ...finished.counts, undecodable: 4, left: 1 } }));
  const rows: Partial<ReplayResult>[] = [
    { end: 'stopped' },
    { end: 'abandoned' },
    { inDoubt: 1 },
    { notDeleted: 1 },
    { notLookedAt: 1 },
    { counts: { ...noCounts, failed: 1 } },
  ];
  for (const row of rows) t.notOk(isSettled({ ...finished, ...row }), JSON.stringify(row));
});

t.test('the summary says what follows from the figures', async (t) => {
  const ended = { id: 'r-1', plan, dryRun: false, result: finished };
  t.match(toText(ended), /published +5\n[^]*suppressed: 3, published: 5\..*--again/);
  t.match(toText(ended), /would lead to a VOD call +0\n/, 'calls are told even when there are none');
  const ownIds = [{ again: true }, { followUp: true }, { to: 'x' }];
  for (const own of ownIds) {
    t.notMatch(toText({ ...ended, plan: { ...plan, ...own } }), /--again/, 'not where it sends nothing more');
  }
  const stopped = { ...finished, end: 'stopped', released: 7, notDeleted: 1, notLookedAt: 9 } as const;
  const text = toText({ ...ended, result: stopped });
  t.match(text, /7 messages were received and given back.*DequeueCount/);
  t.match(text, /1 are settled and still at their source/);
  t.match(text, /about 9 were not looked at/);
  t.match(text, /vod-relay replay --resume r-1/);
  const dry = toText({ ...ended, dryRun: true, result: stopped });
  t.match(dry, /nothing was changed[^]*would publish +5/);
  t.notMatch(dry, /--resume/, 'a dry run has nothing to go on with');
  t.match(JSON.parse(toJson(ended)), { id: 'r-1', settled: true, selected: 8, published: 5 });
  t.match(JSON.parse(toJson({ ...ended, dryRun: true })), { id: undefined, dryRun: true });
});

t.test('progress is a bar on a terminal, and a log line every few seconds elsewhere', async (t) => {
  for (const isTTY of [true, false]) {
    const clock = manualClock(0);
    const lines: string[] = [];
    const terminal = Object.assign(new PassThrough(), { isTTY });
    const report = createProgressReport(
      terminal,
      createLog('info', { write: (line) => lines.push(line) }),
      clock,
    );
    for (let seen = 1; seen <= 100; seen++) {
      clock.advance(100);
      report.progress({ ...noCounts, seen, published: seen }, 200);
    }
    report.end();
    const written = String(terminal.read() ?? '');
    if (isTTY) {
      t.match(written, /█{12}░{12} 100\/200, 10\/s, published 100/);
      t.ok(written.endsWith('\n'), 'what comes next has a line of its own');
      t.same(lines, []);
    } else {
      t.equal(written, '');
      t.equal(lines.length, 2);
      t.match(JSON.parse(lines[1] ?? ''), {
        message: 'replay progress',
        published: 100,
        remaining: 100,
        perSecond: 10,
      });
    }
  }
});
