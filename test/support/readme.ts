import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { configTable } from '../../src/config/schema/table.js';
import { deadLetterCodes } from '../../src/event/dead-letter-code.js';
import { followUpOutcomes } from '../../src/event/follow-up.js';
import { planTable } from '../../src/follow-up/plan-table.js';
import { metricsTable } from '../../src/operate/metric-table.js';

export const readmePath = join(projectRoot, 'README.md');

/** The README with its generated parts as they have to be. */
export function freshReadme(): string {
  const parts = {
    'dead-letter-codes': meaningTable('Code', deadLetterCodes),
    'follow-up-plan': planTable(),
    'follow-up-outcomes': meaningTable('Outcome', followUpOutcomes),
    metrics: metricsTable(),
    configuration: configTable(),
  };
  const readme = readFileSync(readmePath, 'utf8');
  return Object.entries(parts).reduce((text, [mark, content]) => fill(text, mark, content), readme);
}

/** The code blocks of a language, in order. */
export function codeBlocks(language: string): string[] {
  const blocks = readFileSync(readmePath, 'utf8').matchAll(/^```(\w+)\n([^]*?)^```$/gm);
  return [...blocks].filter(([, name]) => name === language).map(([, , code]) => code ?? '');
}

function meaningTable(heading: string, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(meanings).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return [`| ${heading} | Meaning |`, '|---|---|', ...rows, ''].join('\n');
}

function fill(text: string, mark: string, content: string): string {
  const [before, rest] = text.split(`<!-- ${mark} -->\n`);
  const after = rest?.split(`<!-- /${mark} -->`)[1];
  if (after === undefined) throw new Error(`README.md has no marks for ${mark}`);
  return `${before ?? ''}<!-- ${mark} -->\n\n${content}\n<!-- /${mark} -->${after}`;
}
