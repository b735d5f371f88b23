import type { Result, Status } from './check.js';

/** Results as a table of padded columns, each remedy on a line of its own, and the counts at the end. */
export function resultTable(results: readonly Result[]): string {
  const rows = mergeSkipped(results);
  const width = (key: 'area' | 'id'): number => Math.max(...rows.map((row) => row[key].length));
  const lines = rows.flatMap(({ status, area, id, what, remedy }) => [
    `${status}  ${area.padEnd(width('area'))}  ${id.padEnd(width('id'))}  ${what}`,
    ...(remedy === undefined ? [] : [`      -> ${remedy}`]),
  ]);
  const count = (wanted: Status): number => results.filter(({ status }) => status === wanted).length;
  return [...lines, '', `${count('pass')} passed, ${count('warn')} warned, ${count('fail')} failed`, ''].join(
    '\n',
  );
}

/** Results as JSON: an array of `{ area, id, status, what, remedy? }`. */
export function resultJson(results: readonly Result[]): string {
  const rows = results.map(({ area, id, status, what, remedy }) => ({
    area,
    id,
    status,
    what,
    ...(remedy !== undefined && { remedy }),
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

/** The checks that were skipped for one reason are one row. */
function mergeSkipped(results: readonly Result[]): Result[] {
  const rows: Result[] = [];
  for (const result of results) {
    const { area, id, what, isSkipped } = result;
    const first = rows.find((row) => row.isSkipped && row.area === area && row.what.startsWith(what));
    if (!isSkipped) rows.push(result);
    else if (first) first.what += `, ${id}`;
    else rows.push({ ...result, id: '-', what: `${what}: ${id}` });
  }
  return rows;
}
