/** Links between the pages, and whether each page can be found. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { projectRoot } from '../deploy/local/nats-server.mjs';
import { anchorsIn, fencedBlocks, linksIn, pages, readPage } from './support/pages.js';

t.test('each relative link and each anchor leads somewhere', (t) => {
  const found = pages.flatMap((page) => brokenLinks(page, readPage(page)));
  t.same(found, []);
  const checked = pages.flatMap((page) => linksIn(readPage(page)).filter((target) => !isOutside(target)));
  t.ok(checked.length > 60, `${checked.length} links`);
  t.end();
});

t.test('a broken link is found', (t) => {
  const planted = [
    '# A page',
    '[a page](operate.md), [its part](operate.md#probes), [here](#a-page), [a folder](../deploy/ram/)',
    '`[no link](in-code.md)`',
    '[no page](operation.md), [no part](operate.md#porbes), [nor here](#b-page), [no folder](../deploy/rum/)',
  ].join('\n');
  t.same(brokenLinks('docs/planted.md', planted), [
    'docs/planted.md: operation.md',
    'docs/planted.md: operate.md#porbes',
    'docs/planted.md: #b-page',
    'docs/planted.md: ../deploy/rum/',
  ]);
  t.end();
});

t.test('a newcomer walks from the README to each page', (t) => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const target of linksIn(readPage(page))) {
      const path = isOutside(target) ? '' : pathOf(page, target);
      if (pages.includes(path)) reached.add(path);
    }
  }
  t.same(
    pages.filter((page) => !reached.has(page)),
    [],
  );
  const linkedFromReadme = linksIn(readPage('README.md')).map((target) => pathOf('README.md', target));
  const topics = pages.filter((page) => /^docs\/(reference\/)?[a-z-]+\.md$/.test(page));
  t.ok(topics.length > 10);
  t.same(
    topics.filter((page) => !linkedFromReadme.includes(page)),
    [],
    'a topic is one step away',
  );
  t.end();
});

t.test('each decision has its number, its date, its price and what was rejected', (t) => {
  const decisions = pages.filter((page) => /^docs\/decisions\/\d/.test(page));
  t.ok(decisions.length > 50);
  for (const [index, page] of decisions.entries()) {
    const text = readPage(page);
    const number = String(index + 1).padStart(4, '0');
    t.ok(page.startsWith(`docs/decisions/${number}-`), page);
    t.match(text, new RegExp(`^# ${number} \\S.+\n\nDate: \\d{4}-\\d\\d-\\d\\d\n`), page);
    t.same(anchorsIn(text).slice(1), ['decision', 'price', 'rejected'], page);
  }
  t.end();
});

t.test('the README is short', (t) => {
  t.ok(Buffer.byteLength(readPage('README.md')) <= 6 * 1024);
  t.equal(fencedBlocks('README.md').filter(({ language }) => language === 'mermaid').length, 1);
  t.end();
});

t.test('each npm script that a page names is there', (t) => {
  const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
  const named = pages.flatMap((page) =>
    [...readPage(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name),
  );
  t.ok(named.length > 5);
  t.same(
    named.filter((name) => !(name in scripts)),
    [],
  );
  t.end();
});

function brokenLinks(page: string, text: string): string[] {
  return linksIn(text)
    .filter((target) => !isOutside(target) && !leadsSomewhere(page, text, target))
    .map((target) => `${page}: ${target}`);
}

function leadsSomewhere(page: string, text: string, target: string): boolean {
  const [, anchor] = target.split('#');
  const path = pathOf(page, target);
  if (path === page) return anchorsIn(text).includes(anchor ?? '');
  if (!existsSync(join(projectRoot, path))) return false;
  return anchor === undefined || anchorsIn(readPage(path)).includes(anchor);
}

/** The file that a link from a page names; the page itself for an anchor alone. */
function pathOf(page: string, target: string): string {
  const [path = ''] = target.split('#');
  return path === '' ? page : normalize(join(dirname(page), path));
}

function isOutside(target: string): boolean {
  return /^[a-z]+:/.test(target);
}
