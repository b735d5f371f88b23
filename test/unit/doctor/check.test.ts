import t from 'tap';
import { runChecks, type Check, type Finding } from '../../../src/doctor/check.js';
import { resultJson, resultTable } from '../../../src/doctor/table.js';
import { manualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

const clock = manualClock(0);

function check(id: string, found: Finding | Finding[] | Error, needs: Check[] = []): Check {
  const run = (): Promise<Finding | Finding[]> =>
    found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  return { area: 'NATS', id, needs, run };
}

const pass: Finding = { status: 'pass', what: 'fine' };
const fail: Finding = { status: 'fail', what: 'broken', remedy: 'mend it' };

t.test('findings come in the order of the checks, with the area and the id of theirs', async (t) => {
  const first = check('first', [pass, { ...fail, id: 'closer' }]);
  t.same(await runChecks([first, check('second', pass), check('none', [])], clock), [
    { area: 'NATS', id: 'first', ...pass },
    { area: 'NATS', id: 'closer', ...fail },
    { area: 'NATS', id: 'second', ...pass },
  ]);
});

t.test('a check is not run when what it needs has failed, directly or not', async (t) => {
  const first = check('first', fail);
  const second = check('second', pass, [first]);
  const third = check('third', pass, [second]);
  const results = await runChecks([third, first, second], clock);
  const skipped = { status: 'info', what: 'not checked, since NATS: first failed', isSkipped: true };
  t.match(results, [{ id: 'third', ...skipped }, { id: 'first' }, { id: 'second', ...skipped }]);
});

t.test('what only warns, or cannot be judged, holds nothing up', async (t) => {
  for (const status of ['warn', 'info'] as const) {
    const first = check('first', { ...fail, status });
    t.match(await runChecks([check('second', pass, [first])], clock), [{ id: 'second', status: 'pass' }]);
  }
});

t.test('a check is run once, however many need it', async (t) => {
  let runs = 0;
  const shared: Check = {
    area: 'NATS',
    id: 'shared',
    run: () => {
      runs++;
      return Promise.resolve(pass);
    },
  };
  await runChecks([check('a', pass, [shared]), check('b', pass, [shared]), shared], clock);
  t.equal(runs, 1);
});

t.test('a check that rejects has failed, and says so', async (t) => {
  t.match(await runChecks([check('first', new Error('a bug'))], clock), [
    { status: 'fail', what: /a bug/, remedy: /vod-relay doctor/ },
  ]);
});

t.test('a check that never ends has failed after ten seconds, and the others are there', async (t) => {
  let told: AbortSignal | undefined;
  const endless: Check = {
    area: 'NATS',
    id: 'endless',
    run: (signal) => {
      told = signal;
      return new Promise(() => undefined);
    },
  };
  const running = runChecks([endless, check('other', pass)], clock);
  await until(() => told, { what: 'it runs', everyMs: 1 });
  clock.advance(9_999);
  t.equal(told?.aborted, false);
  clock.advance(1);
  t.match(await running, [
    { status: 'fail', what: 'no answer within 10 s', remedy: /DNS/ },
    { id: 'other', status: 'pass' },
  ]);
  t.equal(told?.aborted, true, 'it is told to stop');
});

t.test('the table', async (t) => {
  const first = check('first', fail);
  const needing = ['second', 'third'].map((id) => check(id, pass, [first]));
  const other = { ...check('fourth-check', pass), area: 'queue vod-events' };
  const results = await runChecks([first, ...needing, other], clock);
  t.equal(
    resultTable(results),
    [
      'fail  NATS              first         broken',
      '      -> mend it',
      'info  NATS              -             not checked, since NATS: first failed: second, third',
      'pass  queue vod-events  fourth-check  fine',
      '',
      '1 passed, 0 warned, 1 failed',
      '',
    ].join('\n'),
    'has padded columns, the remedies, one row for what was not checked for one reason, and the counts',
  );
  t.same(
    JSON.parse(resultJson(results)),
    results.map(({ isSkipped: _isSkipped, ...result }) => result),
    'has the same in JSON',
  );
  t.same(JSON.parse(resultJson([])), []);
});
