import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { configTable } from '../../src/config/table.js';
import { deadLetterCodes } from '../../src/event/dead-letter-code.js';

export const readmePath = join(projectRoot, 'README.md');

/** The README with its generated parts as they have to be. */
export function freshReadme(): string {
  const codes = Object.entries(deadLetterCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  const codeTable = ['| Code | Meaning |', '|---|---|', ...codes, ''].join('\n');
  const readme = readFileSync(readmePath, 'utf8');
  return fill(fill(readme, 'configuration', configTable()), 'dead-letter-codes', codeTable);
}

/** The code blocks of a language, in order. */
export function codeBlocks(language: string): string[] {
  const blocks = readFileSync(readmePath, 'utf8').matchAll(/^```(\w+)\n([^]*?)^```$/gm);
  return [...blocks].filter(([, name]) => name === language).map(([, , code]) => code ?? '');
}

function fill(text: string, mark: string, content: string): string {
  const [before, rest] = text.split(`<!-- ${mark} -->\n`);
  const after = rest?.split(`<!-- /${mark} -->`)[1];
  if (after === undefined) throw new Error(`README.md has no marks for ${mark}`);
  return `${before ?? ''}<!-- ${mark} -->\n\n${content}\n<!-- /${mark} -->${after}`;
}
