/** .github: workflows that name what exists, and the release notes that a tag asks for. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, parseDocument } from 'yaml';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';

interface Job {
  needs?: string | string[];
  uses?: string;
  strategy?: { matrix: { container: string[] } };
  steps?: { uses?: string; run?: string }[];
}

const github = join(projectRoot, '.github');
const workflows = Object.fromEntries(
  readdirSync(join(github, 'workflows')).map((name) => [name, readText('workflows', name)]),
);
const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
  scripts: Record<string, string>;
};

t.test('every file under .github is YAML without a mistake', (t) => {
  const files = readdirSync(github, { recursive: true, encoding: 'utf8' });
  const yaml = files.filter((name) => name.endsWith('.yml'));
  t.ok(yaml.length > 4);
  for (const name of yaml) {
    const { errors, warnings } = parseDocument(readText(name));
    t.same([...errors, ...warnings], [], name);
  }
  t.end();
});

t.test('workflows run npm scripts, files and jobs that exist', (t) => {
  for (const [name, text] of Object.entries(workflows)) {
    const jobs = jobsOf(text);
    for (const { needs = [], uses } of Object.values(jobs)) {
      for (const job of [needs].flat()) t.ok(jobs[job], `${name}: ${job}`);
      if (uses) t.ok(existsSync(join(projectRoot, uses)), `${name}: ${uses}`);
    }
    const commands = Object.values(jobs).flatMap(({ steps = [] }) => steps.map(({ run = '' }) => run));
    t.same(commands.flatMap(unknownParts), [], name);
  }
  t.same(unknownParts('npm run no-such-script && node deploy/nowhere.mjs'), [
    'npm run no-such-script',
    'deploy/nowhere.mjs',
  ]);
  t.end();
});

t.test('actions are pinned by commit, with the version beside it', (t) => {
  for (const [name, text] of Object.entries(workflows)) {
    const uses = text.match(/uses: (?!\.\/).*/g) ?? [];
    t.same(
      uses.filter((line) => !/^uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
      [],
      name,
    );
  }
  t.end();
});

t.test('tests run on the oldest Node that is supported, and on the one of the image', (t) => {
  const [, oldest = ''] = /^>=(\d+\.\d+\.\d+)$/.exec(manifest.engines.node) ?? [];
  const dockerfile = readFileSync(join(projectRoot, 'deploy', 'Dockerfile'), 'utf8');
  const [, ofImage = ''] = /^ARG NODE_IMAGE=node:(\d+)-/m.exec(dockerfile) ?? [];
  for (const name of ['ci.yml', 'nightly.yml']) {
    const containers = Object.values(jobsOf(workflows[name] ?? '')).flatMap(
      ({ strategy }) => strategy?.matrix.container ?? [],
    );
    t.same(
      containers.map((image) => image.replace(/-\w+$/, '')),
      [`node:${oldest}`, `node:${ofImage}`],
      name,
    );
  }
  t.end();
});

t.test('the release notes are the dated section of the version that is tagged', (t) => {
  const { version } = manifest;
  const dated = `# Changelog\n\n## Unreleased\n\n## ${version} - 2026-11-30\n\n- A line.\n\n## 0.0.1 - 2026-01-01\n\n- Older.\n`;
  t.same(notesFor(`v${version}`, dated), { status: 0, stdout: '- A line.\n', stderr: '' });
  const refused: [tag: string, changelog: string, reason: string][] = [
    ['v99.0.0', dated, 'is not'],
    [version, dated, 'is not'],
    [`v${version}`, dated.replace(version, '0.0.2'), 'no section'],
    [`v${version}`, dated.replace(' - 2026-11-30', ''), 'no date'],
    [`v${version}`, dated.replace('- A line.', ''), 'is empty'],
  ];
  for (const [tag, changelog, reason] of refused)
    t.match(notesFor(tag, changelog), { status: 1, stdout: '', stderr: reason }, reason);

  const real = readFileSync(join(projectRoot, 'CHANGELOG.md'), 'utf8');
  t.match(notesFor(`v${version}`, real), { status: 0, stdout: /^### Added\n/ }, 'and this version has one');
  t.match(real, /^## Unreleased\n/m);
  t.end();

  function notesFor(
    tag: string,
    changelog: string,
  ): { status: number | null; stdout: string; stderr: string } {
    const root = t.testdir({ deploy: {}, 'package.json': JSON.stringify({ version }) });
    const script = join(root, 'deploy', 'release-notes.mjs');
    cpSync(join(projectRoot, 'deploy', 'release-notes.mjs'), script);
    writeFileSync(join(root, 'CHANGELOG.md'), changelog);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, tag], { encoding: 'utf8' });
    return { status, stdout, stderr };
  }
});

function readText(...path: string[]): string {
  return readFileSync(join(github, ...path), 'utf8');
}

function jobsOf(text: string): Record<string, Job> {
  return (parse(text) as { jobs: Record<string, Job> }).jobs;
}

/** The npm scripts and files of the repository that a command names and that do not exist. */
function unknownParts(command: string): string[] {
  const scripts = [...command.matchAll(/npm (?:run )?(\S+)/g)].filter(
    ([all, name = '']) => (all.startsWith('npm run') || name === 'test') && !(name in manifest.scripts),
  );
  const files = [...command.matchAll(/(?<=^| )(?:deploy|\.ci)\/\S+/g)].filter(
    ([path]) => !existsSync(join(projectRoot, path)),
  );
  return [...scripts, ...files].map(([all]) => all);
}
