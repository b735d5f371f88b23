/**
 * Prints the section of CHANGELOG.md for a release tag. Fails unless the tag is `v` and the version of
 * package.json, and the section has a date and says something.
 *
 *   node deploy/release-notes.mjs v0.1.0
 */
import { readFileSync } from 'node:fs';

const [tag = ''] = process.argv.slice(2);
const root = new URL('../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const changelog = readFileSync(new URL('CHANGELOG.md', root), 'utf8');

try {
  process.stdout.write(notes());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function notes() {
  if (tag !== `v${version}`) throw new Error(`tag "${tag}" is not v${version}, the version of package.json`);
  const sections = changelog.split(/^## /m).map((section) => section.split(/\n([^]*)/));
  const [heading, text] = sections.find(([heading]) => heading.split(' ')[0] === version) ?? [];
  if (heading === undefined) throw new Error(`CHANGELOG.md has no section for ${version}`);
  if (!/ - \d{4}-\d\d-\d\d$/.test(heading))
    throw new Error(`the section for ${version} in CHANGELOG.md has no date`);
  if (text.trim() === '') throw new Error(`the section for ${version} in CHANGELOG.md is empty`);
  return `${text.trim()}\n`;
}
