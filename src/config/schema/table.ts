import { leavesOf, variableOf, type Leaf } from './leaf.js';
import { queueSchema } from './queue.js';
import { rootSchema } from './root.js';

/** The Markdown table of every key, made from the schemas. Ends with a line break. */
export function configTable(): string {
  const rows = leavesOf(rootSchema).flatMap(([key, leaf]) =>
    key === 'queues' ? [row(key, leaf, variableOf(key)), ...queueRows()] : [row(key, leaf, variableOf(key))],
  );
  return ['| Key | Type | Default | Variable | Meaning |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

/** The keys of a list's elements have no variable of their own. */
function queueRows(): string[] {
  return leavesOf(queueSchema).map(([key, leaf]) => row(`queues[].${key}`, leaf, undefined));
}

function row(key: string, leaf: Leaf<unknown>, variable: string | undefined): string {
  const cells = [
    `\`${key}\``,
    leaf.expected.replaceAll('<', '&lt;'),
    presetOf(leaf),
    variable === undefined ? '' : `\`${variable}\``,
    leaf.secret ? `${leaf.doc} Secret.` : leaf.doc,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function presetOf(leaf: Leaf<unknown>): string {
  if (leaf.default !== null) return `\`${leaf.default.toString()}\``;
  return leaf.nullable ? '' : 'required';
}
