export const datasource = { type: 'prometheus', uid: '${datasource}' };
/**
 * Series of the chosen namespaces. A scrape that adds no such label has an empty one, which "All" takes in.
 */
export const chosen = 'namespace=~"$namespace"';
export const ofQueue = `${chosen}, queue=~"$queue"`;

/** One number. `steps` are the values from which it has another colour. */
export function stat(title, description, { expr, unit = 'short', steps }) {
  return {
    type: 'stat',
    title,
    description,
    datasource,
    targets: [{ refId: 'A', datasource, expr, instant: true }],
    fieldConfig: { defaults: { unit, decimals: 0, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } },
  };
}

/** Lines over time. `targets` are pairs of the name of a series and its query. */
export function graph(title, description, { targets, unit = 'short', stacked = false }) {
  const custom = { fillOpacity: stacked ? 40 : 0, stacking: { mode: stacked ? 'normal' : 'none' } };
  return {
    type: 'timeseries',
    title,
    description,
    datasource,
    targets: targets.map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
    })),
    fieldConfig: { defaults: { unit, min: 0, custom }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
  };
}

/** The median and the 99th percentile of a histogram, for each value of `by`. */
export function quantiles(metric, matchers, by) {
  const labels = by === undefined ? 'le' : `le, ${by}`;
  const prefix = by === undefined ? '' : `{{${by}}} `;
  const buckets = `sum by (${labels}) (rate(${metric}_bucket{${matchers}}[$__rate_interval]))`;
  return [
    [`${prefix}median`, `histogram_quantile(0.5, ${buckets})`],
    [`${prefix}p99`, `histogram_quantile(0.99, ${buckets})`],
  ];
}

/** Of the processes of vod-relay: others have metrics of these names too. */
export function ofProcess(metric, read = (series) => series) {
  return `${read(`${metric}{${chosen}}`)} and on (namespace, job, instance) vod_relay_build_info{${chosen}}`;
}
