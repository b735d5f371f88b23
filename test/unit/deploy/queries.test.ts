/** The queries that the pages and the runbook give to operators. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { codeBlocks, pages, readPage } from '../../support/pages.js';
import { metricFaults } from './metric-names.js';
import { checkQueries, promtool, type Verdict } from './promtool.js';

const blocks = codeBlocks('docs/operate.md', 'promql');
const inPages = [
  ...blocks,
  ...pages.filter((page) => page.startsWith('docs/')).flatMap((page) => inlineQueries(readPage(page))),
];
const inRunbook = inlineQueries(readPage('deploy/runbook.md'));
const page = readPage('deploy/README.md');
const [, ofAutoscaler = ''] = /^ +metricsQuery: '(.+)'$/m.exec(page) ?? [];

t.test('every query is one that Prometheus takes, about metrics that exist', (t) => {
  t.ok(inPages.length > 1, `${inPages.length} queries under docs/`);
  t.ok(inRunbook.length > 4, `${inRunbook.length} queries in the runbook`);
  const queries = [...inPages, ...inRunbook, ofAutoscaler];
  t.match(checkQueries(t, queries), { ok: true, output: `${queries.length} rules found` });
  for (const query of queries) t.same(metricFaults(query), [], query);
  t.equal(checkQueries(t, [...queries, 'sum by queue (vod_relay_pollers)']).ok, false, 'a mistake is found');
  t.end();
});

t.test('the query of the ledger has no result until a message is lost inside a worker', (t) => {
  const [ledger = '', ...more] = blocks;
  t.equal(more.length, 0);
  t.match(resultsOf(t, ledger, { settled: 7, inFlight: 3 }, []), { ok: true });
  t.match(resultsOf(t, ledger, { settled: 7, inFlight: 2 }, [10]), { ok: true });
  t.match(resultsOf(t, ledger, { settled: 7, inFlight: 2 }, []), { ok: false }, 'promtool tells them apart');
  t.end();
});

/** Code within a line that asks for a metric of the worker, and is more than the name of one. */
function inlineQueries(text: string): string[] {
  const codes = text.matchAll(/(?<!`)`([^`\n]*vod_relay_[^`\n]*)`(?!`)/g);
  return [...codes].map(([, code = '']) => code).filter((code) => /[({]/.test(code));
}

/**
 * Whether this query has these results for two workers, of which one is whole, and the other has received 10.
 */
function resultsOf(
  t: Pick<Test, 'testdir'>,
  expr: string,
  { settled, inFlight }: { settled: number; inFlight: number },
  values: readonly number[],
): Verdict {
  const series = (instance: string, counts: readonly [number, number, number]): object[] =>
    [
      'vod_relay_messages_received_total',
      'vod_relay_messages_settled_total',
      'vod_relay_messages_in_flight',
    ].map((name, index) => ({
      series: `${name}{instance="${instance}", queue="a"${index === 1 ? ', outcome="published"' : ''}}`,
      values: String(counts[index]),
    }));
  const test = {
    input_series: [...series('whole', [5, 5, 0]), ...series('other', [10, settled, inFlight])],
    promql_expr_test: [
      {
        expr,
        eval_time: '0m',
        exp_samples: values.map((value) => ({ labels: '{instance="other", queue="a"}', value })),
      },
    ],
  };
  const folder = t.testdir({ 'queries.test.yaml': stringify({ rule_files: [], tests: [test] }) });
  return promtool('test', 'rules', join(folder, 'queries.test.yaml'));
}
