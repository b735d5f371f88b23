import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import type { LineSpec } from '../../../src/operate/log-lines/line.js';
import { logLines } from '../../../src/operate/log-lines/log-lines.js';
import { readPage } from '../../support/pages.js';
import { outcomes } from '../../../src/operate/outcomes.js';
import { metricFaults } from './metric-names.js';
import { promtool } from './promtool.js';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook_url: string };
}

interface TestGroup {
  name: string;
  input_series: { series: string; values: string }[];
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
  promql_expr_test?: { expr: string; eval_time: string; exp_samples: unknown[] }[];
}

interface RuleTests {
  rule_files: string[];
  tests: TestGroup[];
}

const deploy = join(projectRoot, 'deploy');
const rulesPath = join(deploy, 'prometheus', 'alerts.yaml');
const testsPath = join(deploy, 'prometheus', 'alerts.test.yaml');
const rulesText = readFileSync(rulesPath, 'utf8');
const messages = new Set(Object.values<LineSpec>(logLines).map(({ message }) => message));
const runbook = readFileSync(join(deploy, 'runbook.md'), 'utf8');
const rules = (parse(rulesText) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const ruleTests = parse(readFileSync(testsPath, 'utf8')) as RuleTests;
const alerts = [...new Set(rules.map(({ alert }) => alert))];
const healthy = healthyGroup();

t.test('promtool takes the alert rules, and all of their tests pass', (t) => {
  t.match(promtool('check', 'rules', rulesPath), { ok: true, output: `${rules.length} rules found` });
  t.match(promtool('test', 'rules', testsPath), { ok: true });
  t.end();
});

t.test('each alert has a test in which it is quiet and one in which it fires', (t) => {
  const cases = ruleTests.tests.flatMap(({ alert_rule_test: ofGroup = [] }) => ofGroup);
  for (const alert of alerts) {
    const expected = cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts: exp }) => exp);
    t.ok(
      expected.some((exp) => exp.length === 0),
      `${alert} is quiet`,
    );
    t.ok(
      expected.some((exp) => exp.length > 0),
      `${alert} fires`,
    );
  }
  t.end();
});

t.test('the tests of the rules fail for each alert that never fires, and for each that always does', (t) => {
  const never = testRules(t, withExpression('vector(0) > 1'), ruleTests.tests);
  const always = testRules(t, withExpression('vector(1)'), [healthy]);
  t.same([never.ok, always.ok], [false, false]);
  for (const alert of alerts) {
    t.match(never.output, `alertname: ${alert},`, `${alert} never`);
    t.match(always.output, `alertname="${alert}", alertstate="firing"`, `${alert} always`);
  }
  t.end();
});

t.test('the ledger alert fires when any one outcome is missing, or what is in flight', (t) => {
  const ledger = healthy.input_series.filter(({ series }) => series.startsWith('vod_relay_messages_'));
  const shown = ledger.flatMap(({ series }) => /outcome="([^"]+)"/.exec(series)?.[1] ?? []);
  t.same(shown.sort(), [...outcomes].sort(), 'a healthy worker shows each outcome');

  const test = {
    expr: 'count(ALERTS{alertname="VodRelayLedgerUnbalanced", alertstate="firing"})',
    eval_time: '30m',
  };
  const fires = [{ labels: '{}', value: 1 }];
  const whole: TestGroup = {
    name: 'whole',
    input_series: ledger,
    promql_expr_test: [{ ...test, exp_samples: [] }],
  };
  const losses = [...outcomes.map((outcome) => `outcome="${outcome}"`), 'vod_relay_messages_in_flight'];
  const groups = losses.map((missing): TestGroup => {
    const left = ledger.filter(({ series }) => !series.includes(missing));
    t.equal(left.length, ledger.length - 1, `${missing} is one series`);
    return { name: missing, input_series: left, promql_expr_test: [{ ...test, exp_samples: fires }] };
  });
  t.match(testRules(t, rulesText, [whole, ...groups]), { ok: true });

  const wrong: TestGroup = { ...whole, promql_expr_test: [{ ...test, exp_samples: fires }] };
  t.match(testRules(t, rulesText, [wrong]), { ok: false }, 'without a loss it is quiet');
  t.end();
});

t.test(
  'each alert says how severe it is and links to its section of the runbook; each section has its alert',
  (t) => {
    const sections = runbook.split(/^## /m).slice(1);
    const titles = sections.map((section) => section.split('\n', 1)[0] ?? '');
    t.same([...titles].sort(), [...alerts].sort());
    for (const { alert, labels, annotations } of rules) {
      t.ok(['critical', 'warning', 'info'].includes(labels.severity), `${alert}: ${labels.severity}`);
      t.ok(annotations.runbook_url.endsWith(`/deploy/runbook.md#${alert.toLowerCase()}`), alert);
      t.match(annotations.summary, /^\S.{20,}$/);
    }
    for (const [index, section] of sections.entries()) {
      const parts = [...section.matchAll(/^\*\*(.+?)\.\*\*/gm)].map(([, part]) => part);
      t.same(parts, ['Means', 'Look', 'Do', 'If ignored'], titles[index] ?? '');
    }
    for (const [, anchor = ''] of runbook.matchAll(/\]\(#([^)]+)\)/g)) {
      t.ok(
        titles.some((title) => title.toLowerCase() === anchor),
        `#${anchor} exists`,
      );
    }
    t.end();
  },
);

t.test('the runbook quotes log lines that the worker writes, and settings that exist', (t) => {
  const lines = [...runbook.matchAll(/`"([^`]{10,})"`/g)].map(([, line = '']) => line);
  t.ok(lines.length > 15, `${lines.length} lines`);
  for (const line of lines) t.ok(messages.has(line), line);
  const reference = readPage('docs/reference/config.md');
  const settings = /`((?:queues\[\]|nats|followUp|dedupe|log|stop|http)\.[\w.]+)`/g;
  for (const [, key = ''] of runbook
    .replaceAll(/`\w+\.(lastError|server|slowedAccounts)`/g, '')
    .matchAll(settings))
    t.ok(reference.includes(`| \`${key}\` |`), key);
  t.end();
});

t.test('what the rules and the runbook ask for exists', (t) => {
  for (const { alert, expr } of rules) t.same(metricFaults(expr), [], alert);
  for (const [, code = ''] of runbook.matchAll(/`([^`]*vod_relay_[^`]*)`/g))
    t.same(metricFaults(code), [], code);
  t.end();
});

t.test('the check of expressions finds each planted mistake', (t) => {
  const mistakes: [expr: string, fault: string][] = [
    ['sum(vod_relay_messages_recieved_total)', 'metric vod_relay_messages_recieved_total'],
    ['rate(vod_relay_publish_duration_seconds[5m])', 'metric vod_relay_publish_duration_seconds'],
    ['vod_relay_nats_up{queue="a"} == 0', 'label queue of vod_relay_nats_up'],
    ['sum by (media) (vod_relay_pollers)', 'label media'],
    [
      'vod_relay_messages_settled_total{outcome=~"released|lost"}',
      'outcome lost of vod_relay_messages_settled_total',
    ],
    ['vod_relay_build_info{role="replay"} and up', 'metric up'],
  ];
  for (const [expr, fault] of mistakes) t.ok(metricFaults(expr).includes(fault), fault);
  t.end();
});

/** The rules, each of them with this expression. */
function withExpression(expr: string): string {
  const document = parse(rulesText) as { groups: { rules: Rule[] }[] };
  for (const rule of document.groups.flatMap((group) => group.rules)) rule.expr = expr;
  return stringify(document);
}

function testRules(t: Pick<Tap, 'testdir'>, rules: string, tests: TestGroup[]): ReturnType<typeof promtool> {
  const file: RuleTests & { evaluation_interval: string } = {
    rule_files: ['alerts.yaml'],
    evaluation_interval: '1m',
    tests: tests.map((group) => ({ interval: '1m', ...group })),
  };
  const folder = t.testdir({ 'alerts.yaml': rules, 'alerts.test.yaml': stringify(file) });
  return promtool('test', 'rules', join(folder, 'alerts.test.yaml'));
}

/** The first of the tests: all that a healthy worker shows. */
function healthyGroup(): TestGroup {
  const [first] = ruleTests.tests;
  if (!first) throw new Error('there is no test of a healthy worker');
  return first;
}

type Tap = typeof t;
