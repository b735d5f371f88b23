import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/nats-server.mjs';

/** The pages for people, by their paths in the project. */
export const pages: readonly string[] = readPages();

/** Blocks and code within a line, in which a link is no link. */
const code = /^```\w*\n[^]*?^```$|`[^`\n]+`/gm;

export function readPage(page: string): string {
  return readFileSync(join(projectRoot, page), 'utf8');
}

/** The code blocks of a page in one language, in order. */
export function codeBlocks(page: string, language: string): string[] {
  return fencedBlocks(page)
    .filter((block) => block.language === language)
    .map((block) => block.code);
}

/** Every code block of a page, in order; one without a language has the empty one. */
export function fencedBlocks(page: string): { language: string; code: string }[] {
  const blocks = readPage(page).matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return [...blocks].map(([, language = '', text = '']) => ({ language, code: text }));
}

/** The rows of the table whose first column has this heading: the cells of each, code without its quotes. */
export function tableRows(page: string, heading: string): string[][] {
  const lines = readPage(page).split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  );
}

/** The targets of the links in a text, in order. */
export function linksIn(text: string): string[] {
  return [...text.replace(code, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors of a page's headings, as code hosts make them. */
export function anchorsIn(text: string): string[] {
  return [...text.replace(/^```\w*\n[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}

function readPages(): string[] {
  const under = (folder: string, recursive: boolean): string[] =>
    readdirSync(join(projectRoot, folder), { recursive, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .sort()
      .map((name) => join(folder, name));
  return [...under('.', false), ...under('docs', true), ...under('deploy', true)];
}
