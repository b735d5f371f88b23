import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { dashboard } from '../../../deploy/grafana/dashboard.mjs';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import { metricFaults, ownMetrics } from './metric-names.js';
import { checkQueries } from './promtool.js';

const { panels, templating } = dashboard();
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

t.test('vod-relay.json is what write.mjs makes of the dashboard as it is now', (t) => {
  const text = readFileSync(join(projectRoot, 'deploy', 'grafana', 'vod-relay.json'), 'utf8');
  t.same(JSON.parse(text), dashboard(), 'run deploy/grafana/write.mjs');
  t.end();
});

t.test('every query is one that Prometheus takes', (t) => {
  t.match(
    checkQueries(
      t,
      queries.map(({ expr }) => filledIn(expr)),
    ),
    { ok: true, output: `${queries.length} rules found` },
  );
  t.equal(checkQueries(t, ['sum(vod_relay_pollers']).ok, false, 'a planted mistake is found');
  t.end();
});

t.test('every metric that is asked for exists, and every metric of the worker is shown', (t) => {
  for (const { title, expr } of queries) t.same(metricFaults(expr), [], title);
  const variables = templating.list.flatMap(({ query }) => (typeof query === 'string' ? [] : [query.query]));
  t.ok(variables.length > 0);
  for (const query of variables) {
    const [, series = ''] = /^label_values\((.*), \w+\)$/.exec(query) ?? [];
    t.same(metricFaults(series), [], query);
  }
  for (const { name } of ownMetrics) {
    t.ok(
      queries.some(({ expr }) => expr.includes(name)),
      name,
    );
  }
  t.end();
});

t.test('the panels lie side by side, and each but a row says what it shows', (t) => {
  const taken = new Set<string>();
  for (const { id, type, title, description = '', gridPos, targets = [] } of panels) {
    const { x, y, w, h } = gridPos;
    t.ok(
      Number.isInteger(x) && Number.isInteger(w) && x >= 0 && x + w <= 24,
      `${title} is within 24 columns`,
    );
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const cell = `${column} ${line}`;
        if (taken.has(cell)) t.fail(`${title} lies on another panel, at ${cell}`);
        taken.add(cell);
      }
    }
    t.equal(panels.filter((other) => other.id === id).length, 1, `${id} is one panel`);
    if (type !== 'row') t.ok(description.endsWith('.') && targets.length > 0, title);
  }
  t.end();
});

/** With Grafana's variables filled in. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(namespace|queue)/g, '.*');
}
