import { followUpOutcomes } from '../../../src/event/follow-up.js';
import { metricTable } from '../../../src/operate/metric-table.js';
import { outcomes } from '../../../src/operate/outcomes.js';

const roles = ['both', 'relay', 'follow-up'];
/** Put on each series by the scrape. */
const scrapeLabels = ['namespace', 'pod', 'job', 'instance'];
const histogramParts = ['_bucket', '_sum', '_count'];
/** Of prom-client about its process, and of kube-state-metrics, as far as anything here asks for them. */
const foreign: [name: string, labels: string[]][] = [
  ['nodejs_eventloop_lag_p99_seconds', []],
  ['nodejs_heap_size_used_bytes', []],
  ['process_cpu_seconds_total', []],
  ['process_resident_memory_bytes', []],
  ['kube_pod_status_ready', ['condition']],
  ['kube_pod_status_phase', ['phase']],
  ['kube_pod_container_status_restarts_total', ['container']],
];
const keywords = ['and', 'or', 'unless', 'offset'];

/** The metrics of the worker with their labels. */
export const ownMetrics = Object.entries(metricTable).map(([name, { type, labels }]) => ({
  name,
  type,
  labels,
}));

/** The series that exist, by name, with their labels. */
const series = new Map<string, string[]>([
  ...foreign,
  ...ownMetrics.flatMap(({ name, type, labels }): [string, string[]][] =>
    type === 'histogram'
      ? histogramParts.map((part) => [name + part, [...labels, 'le']])
      : [[name, [...labels]]],
  ),
]);

/**
 * The parts of a PromQL expression that do not exist: series, labels, and values of labels that are a closed
 * set.
 */
export function metricFaults(expr: string): string[] {
  const grouping = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g;
  const grouped = [...expr.matchAll(grouping)].flatMap(([, labels = '']) => labels.split(/[\s,]+/));
  const allLabels = [...scrapeLabels, ...[...series.values()].flat()];
  const bare = expr.replaceAll(grouping, ' ').replaceAll(/\[[^\]]*\]/g, ' ');
  return [
    ...grouped.filter((label) => !allLabels.includes(label)).map((label) => `label ${label}`),
    ...[...bare.matchAll(/(?<![\w.])([a-z_]\w*)(?:\{([^}]*)\})?(\s*\()?/gi)].flatMap(
      ([, name = '', matchers = '', call]) =>
        call === undefined && !keywords.includes(name) ? seriesFaults(name, matchers) : [],
    ),
  ];
}

function seriesFaults(name: string, matchers: string): string[] {
  const labels = series.get(name);
  if (!labels) return [`metric ${name}`];
  return [...matchers.matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)].flatMap(([, label = '', value = '']) => {
    if (![...labels, ...scrapeLabels].includes(label)) return [`label ${label} of ${name}`];
    const known = valuesOf(name, label);
    const unknown = known ? value.split('|').filter((each) => !known.includes(each)) : [];
    return unknown.map((each) => `${label} ${each} of ${name}`);
  });
}

function valuesOf(name: string, label: string): readonly string[] | undefined {
  if (label === 'role') return roles;
  if (label !== 'outcome') return undefined;
  return name.startsWith('vod_relay_follow_up_') ? Object.keys(followUpOutcomes) : outcomes;
}
