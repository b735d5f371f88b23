/** The dashboard of vod-relay for Grafana 10 or newer, as data: `write.mjs` puts it into vod-relay.json. */
import { chosen, datasource } from './panel.mjs';
import { rows } from './rows.mjs';

const columns = 24;

export function dashboard() {
  return {
    uid: 'vod-relay',
    title: 'vod-relay',
    tags: ['vod-relay'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: '',
    templating: {
      list: [datasourceVariable(), variable('namespace', 'vod_relay_build_info'), queueVariable()],
    },
    panels: laidOut(),
  };
}

function datasourceVariable() {
  return { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' };
}

function queueVariable() {
  return variable('queue', `vod_relay_messages_received_total{${chosen}}`);
}

/** Several values, or all: also those without the label. */
function variable(name, series) {
  const query = `label_values(${series}, ${name})`;
  return {
    name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

/** Rows below each other; the panels of a row side by side, `inLine` to a line. */
function laidOut() {
  const panels = [];
  let y = 0;
  const place = (panel, gridPos) => panels.push({ id: panels.length + 1, ...panel, gridPos });
  for (const { title, height, inLine, panels: ofRow } of rows) {
    place({ type: 'row', title, collapsed: false, panels: [] }, { x: 0, y, w: columns, h: 1 });
    y += 1;
    const width = columns / inLine;
    for (const [index, panel] of ofRow.entries()) {
      const line = Math.floor(index / inLine);
      place(panel, { x: (index % inLine) * width, y: y + line * height, w: width, h: height });
    }
    y += Math.ceil(ofRow.length / inLine) * height;
  }
  return panels;
}
