import type { LineSpec } from './line.js';
import { logLineParts } from './log-lines.js';

/** The Markdown tables of all lines, a section for each part. Ends with a line break. */
export function logLinesTables(): string {
  return Object.entries<Readonly<Record<string, LineSpec>>>(logLineParts)
    .map(([title, lines]) => [`## ${title}`, '', ...heading, ...Object.values(lines).map(row), ''].join('\n'))
    .join('\n');
}

const heading = ['| Message | Level | Fields | What to do |', '|---|---|---|---|'];

function row({ message, level, fields, advice = 'nothing' }: LineSpec): string {
  const names = fields.map((field) => `\`${field}\``).join(', ');
  return `| ${message} | ${level} | ${names} | ${advice.replaceAll('<', '&lt;')} |`;
}
