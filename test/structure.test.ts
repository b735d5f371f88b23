/**
 * The rules of the house are seen to fail here: each lint rule on a planted breach, and each promise about
 * the tree on the tree itself.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ESLint } from 'eslint';
import t from 'tap';
import ts from 'typescript';
import tseslint from 'typescript-eslint';
import { projectRoot } from '../deploy/local/nats-server.mjs';
import { startWorkerProcess } from './support/worker-process.js';

const src = join(projectRoot, 'src');

t.test('layer rules', async (t) => {
  const lint = createLint({ typed: false });

  const stages = ['aliyun', 'receive', 'decode', 'nats'];
  const halves = ['relay', 'follow-up'];
  const paths = [...halves, 'replay'];
  const top = ['doctor', 'worker', 'demo', 'commands'];
  const above = [...paths, 'operate', 'config', 'sandbox', ...top];
  const forbidden: Record<string, string[]> = {
    event: ['network', ...stages, ...above],
    network: ['event', ...stages, ...above],
    aliyun: ['event', 'receive', 'decode', 'nats', ...above],
    receive: ['decode', 'nats', ...above],
    decode: ['network', 'aliyun', 'receive', 'nats', ...above],
    nats: ['aliyun', 'receive', 'decode', ...above],
    relay: ['network', 'aliyun', 'follow-up', 'replay', 'operate', 'config', 'sandbox', ...top],
    'follow-up': ['aliyun', 'receive', 'decode', 'relay', 'replay', 'operate', 'config', 'sandbox', ...top],
    replay: ['network', 'aliyun', 'relay', 'follow-up', 'operate', 'config', 'sandbox', ...top],
    config: [...stages, ...paths, 'operate', 'sandbox', ...top],
    operate: ['network', ...stages, ...paths, 'config', 'sandbox', ...top],
    sandbox: ['network', ...stages, ...paths, 'operate', 'config', ...top],
    doctor: [
      'network',
      'decode',
      'relay',
      'replay',
      'operate',
      'config',
      'sandbox',
      'worker',
      'demo',
      'commands',
    ],
    worker: ['network', 'replay', 'sandbox', 'doctor', 'demo', 'commands'],
    demo: [
      'network',
      'aliyun',
      'receive',
      'decode',
      'relay',
      'replay',
      'operate',
      'doctor',
      'worker',
      'commands',
    ],
    commands: ['network'],
  };

  await t.test('every folder of src has its rules', async (t) => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    t.same(folders.map(({ name }) => name).sort(), Object.keys(forbidden).sort());
  });

  for (const [part, others] of Object.entries(forbidden)) {
    await t.test(`src/${part} imports only what is below it`, async (t) => {
      const wanted = Object.keys(forbidden).filter((other) => other !== part && !others.includes(other));
      for (const other of others) {
        t.same(await lint(part, `import { x } from '../${other}/y.js';`), [importRule], `not ${other}`);
        t.same(await lint(`${part}/deeper`, `import { x } from '../../${other}/y.js';`), [importRule]);
        t.same(await lint(part, `export { x } from '../${other}/y.js';`), [importRule], 'nor by an export');
      }
      for (const other of wanted)
        t.same(await lint(part, `import { x } from '../${other}/y.js';`), [], other);
      t.same(await lint(part, `import { x } from './${others[0] ?? 'y'}.js';`), [], 'a file of its own');
      t.same(await lint(part, `import { x } from '../main.js';`), [importRule], 'nobody imports main');
      t.same(await lint(part, `import { x } from '../time.js';`), part === 'event' ? [importRule] : []);
    });
  }

  await t.test('the doctor sees the types of the config, not its code', async (t) => {
    t.same(await lint('doctor', `import type { Config } from '../config/config.js';`), []);
    t.same(await lint('doctor', `import { loadConfig } from '../config/load.js';`), [importRule]);
  });

  await t.test('operate sees the types of the config and the relay, not their code', async (t) => {
    t.same(await lint('operate', `import type { Outcome } from '../relay/outcome.js';`), []);
    t.same(await lint('operate', `import { settle } from '../relay/settle.js';`), [importRule]);
  });

  await t.test('the time and main have theirs', async (t) => {
    t.same(await lint('src/time.ts', `import { x } from './event/y.js';`), [importRule]);
    t.same(await lint('src/main.ts', `import { x } from './receive/y.js';`), [importRule]);
    t.same(await lint('src/main.ts', `import { x } from './worker/y.js';`), [importRule]);
    t.same(await lint('src/main.ts', `import { x } from './commands/y.js';`), []);
  });

  await t.test('every library has its owner', async (t) => {
    const owners: [library: string, owner: string, other: string][] = [
      ['@alicloud/mns', 'receive', 'sandbox'],
      ['@alicloud/credentials', 'aliyun', 'follow-up'],
      ['undici', 'network', 'nats'],
      ['undici', 'receive', 'nats'],
      ['undici', 'follow-up', 'sandbox'],
      ['nats', 'nats', 'commands'],
      ['nats', 'nats', 'follow-up'],
      ['nats/lib/src/mod.js', 'nats', 'relay'],
      ['nats', 'demo', 'operate'],
      ['convict', 'config', 'commands'],
      ['yaml', 'config', 'commands'],
      ['pino', 'operate', 'relay'],
      ['prom-client', 'operate', 'worker'],
      ['saxes', 'decode', 'event'],
      ['saxes', 'sandbox', 'nats'],
      ['cloudevents', 'event', 'nats'],
      ['commander', 'commands', 'config'],
      ['commander', 'commands/replay', 'replay'],
      ['cli-progress', 'demo', 'commands'],
      ['cli-progress', 'commands/replay', 'replay'],
      ['node:child_process', 'demo', 'sandbox'],
      ['child_process', 'demo', 'receive'],
      ['node:process', 'config', 'commands'],
    ];
    for (const [library, owner, other] of owners) {
      t.same(await lint(owner, `import { x } from '${library}';`), [], `${library} in ${owner}`);
      t.same(
        await lint(other, `import { x } from '${library}';`),
        [importRule],
        `${library} not in ${other}`,
      );
    }
    t.same(await lint('receive', `import { x } from 'node:timers/promises';`), [importRule]);
    t.same(await lint('sandbox', `import { x } from 'node:perf_hooks';`), [importRule]);
    t.same(await lint('nats', `import { x } from 'nats-other';`), [], 'a name that only begins the same');
    t.same(await lint('receive', `const x = await import('nats');`), ['no-restricted-syntax']);
  });
});

t.test('other rules for src', async (t) => {
  const lint = createLint({ typed: false });
  const breaches: [what: string, source: string, rule: string][] = [
    ['Date.now', 'export const x = Date.now();', 'no-restricted-properties'],
    ['new Date()', 'export const x = new Date();', 'no-restricted-syntax'],
    ['setTimeout', 'setTimeout(() => 1, 1);', 'no-restricted-globals'],
    ['setInterval', 'setInterval(() => 1, 1);', 'no-restricted-globals'],
    ['performance.now', 'export const x = performance.now();', 'no-restricted-globals'],
    ['AbortSignal.timeout', 'export const x = AbortSignal.timeout(1);', 'no-restricted-properties'],
    ['process.env', 'export const x = process.env;', 'no-restricted-properties'],
    ['process.env, taken apart', 'export const { env } = process;', 'no-restricted-properties'],
    ['a default export', 'export default 1;', 'no-restricted-syntax'],
    ['a default export by name', 'const x = 1; export { x as default };', 'no-restricted-syntax'],
    ['any', 'export const x: any = 1;', '@typescript-eslint/no-explicit-any'],
    ['a non-null assertion', 'export const x = y!;', '@typescript-eslint/no-non-null-assertion'],
  ];
  for (const part of ['receive', 'sandbox', 'commands', 'demo']) {
    for (const [what, source, rule] of breaches)
      t.same(await lint(part, source), [rule], `${what} in ${part}`);
  }
  t.same(await lint('receive', 'export const x = new Date(0);'), [], 'a Date of a given moment');
  t.same(await lint('config', 'export const x = process.env;'), [], 'the config reads the environment');
  t.same(await lint('config', 'export const x = Date.now();'), ['no-restricted-properties'], 'but no clock');
  t.same(await lint('src/time.ts', 'export const x = () => Date.now() + performance.now();'), []);
  t.same(await lint('src/time.ts', 'export const x = process.env;'), ['no-restricted-properties']);
  t.same(await lint('src/event/index.ts', 'export const x = 1;'), ['no-restricted-syntax']);
  t.same(await lint('test/unit/x.test.ts', 'setTimeout(() => 1, 1);'), ['no-restricted-globals']);
  for (const moment of [
    `export const x = Date.parse('2026-11-20T10:11:12.345Z');`,
    `export const x = new Date('2026-11-20');`,
    `export const x = Date.UTC(2026, 10, 20);`,
    `export const enqueueTimeMs = 1_790_000_000_000;`,
    `export const x = { enqueueTimeMs: 1_790_000_000_000 };`,
  ]) {
    for (const folder of ['integration', 'chaos', 'support']) {
      t.same(await lint(`test/${folder}/x.test.ts`, moment), ['no-restricted-syntax'], moment);
    }
    t.same(await lint('test/unit/x.test.ts', moment), [], 'a test with a clock of its own may write it');
  }
  t.same(await lint('test/chaos/x.test.ts', 'export const x = Date.parse(String(1)) + Date.now();'), []);
});

t.test('rules that need types', async (t) => {
  const lint = createLint({ typed: true });
  const declarations = `declare function f(): Promise<void>; declare const kind: 'a' | 'b'; declare const o: object;`;
  const breaches: [what: string, source: string, rule: string][] = [
    ['a promise without an owner', 'f();', '@typescript-eslint/no-floating-promises'],
    [
      'a promise where nobody waits',
      '[1].forEach(async () => f());',
      '@typescript-eslint/no-misused-promises',
    ],
    ['a missing case', `switch (kind) { case 'a': }`, '@typescript-eslint/switch-exhaustiveness-check'],
    [
      'a default in place of a case',
      `switch (kind) { case 'a': break; default: }`,
      '@typescript-eslint/switch-exhaustiveness-check',
    ],
    ['an object in a text', 'export const x = `${o}`;', '@typescript-eslint/restrict-template-expressions'],
  ];
  for (const [what, source, rule] of breaches) {
    t.ok((await lint('src/main.ts', `${declarations}\n${source}\n`)).includes(rule), what);
  }
  const clean = `${declarations} switch (kind) { case 'a': case 'b': await f(); } export const x = String(1);`;
  t.same(await lint('src/main.ts', clean), [], 'nothing where all is well');
});

t.test('the package', async (t) => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
    files: string[];
    bin: Record<string, string>;
  };
  for (const path of [...manifest.files, ...Object.values(manifest.bin)]) {
    t.ok(existsSync(join(projectRoot, path)), `${path} exists`);
  }
  t.equal(manifest.license, 'Apache-2.0');
  t.match(readFileSync(join(projectRoot, 'LICENSE'), 'utf8'), /Apache License\s+Version 2\.0, January 2004/);

  await t.test('its command runs, in an environment without flags of the test runner', async (t) => {
    await using command = startWorkerProcess(['--version']);
    t.same(await command.exit, { code: 0, signal: null });
    t.equal(command.stdout.trim(), manifest.version);
    t.equal(command.stderr, '');
  });
});

t.test('no files of src import each other in a circle, not even for types', async (t) => {
  t.same(circlesIn(new Map(filesUnder(src).map((path) => [path, importsOf(path)]))), []);
  const planted = new Map([
    ['a', ['b']],
    ['b', ['c', 'leaf']],
    ['c', ['a']],
    ['leaf', []],
  ]);
  t.same(circlesIn(planted), ['a → b → c → a'], 'a circle is seen');
});

t.test('the tree', async (t) => {
  const sources = filesUnder(src).filter((path) => path.endsWith('.ts'));
  const long = sources.filter((path) => readFileSync(path, 'utf8').split('\n').length > 251);
  t.same(long.map(nameOf), [], 'no file of src is over 250 lines');
  t.ok(sources.length > 50, 'and there are files to look at');

  const comments = ['src', 'test', 'deploy']
    .flatMap((folder) => filesUnder(join(projectRoot, folder)))
    .filter((path) => /\.m?[tj]s$/.test(path))
    .flatMap((path) => commentLines(path).map((line) => `${nameOf(path)}: ${line}`));
  t.ok(comments.length > 1_000, 'there are comments to look at');
  const isLong = (line: string): boolean => line.slice(line.indexOf(': ') + 2).length > maxCommentColumns;
  // A line of code within a comment, four blanks in, may be as long as it is.
  t.same(
    comments.filter((line) => isLong(line) && !/: \s*\* {5}/.test(line)),
    [],
    `no comment is over ${maxCommentColumns} columns`,
  );
  t.same(
    comments.filter((line) => /: \s*(\/\*\*|\*|\/\/) What /.test(line)),
    [],
    'no comment begins with "What"',
  );

  const ownMachine = /(?<![\w.])\/(?:work|root|home)\/|\.\.\/shared\b/;
  const texts = filesUnder(projectRoot).filter((path) => !/package-lock\.json$/.test(path));
  const tied = texts.filter((path) => ownMachine.test(readFileSync(path, 'utf8')));
  t.same(tied.map(nameOf), [], 'no file names a folder outside the project');
});

/** As in .editorconfig. */
const maxCommentColumns = 110;

const importRule = '@typescript-eslint/no-restricted-imports';

/** Takes a folder of src, or the path of a file. */
type Lint = (place: string, source: string) => Promise<string[]>;

/** The rules that a planted source breaks, in a file that need not exist unless types are asked for. */
function createLint({ typed }: { typed: boolean }): Lint {
  const eslint = new ESLint({
    cwd: projectRoot,
    overrideConfig: [
      ...(typed ? [] : [tseslint.configs.disableTypeChecked]),
      {
        rules: {
          '@typescript-eslint/no-unused-vars': 'off',
          '@typescript-eslint/consistent-type-imports': 'off',
        },
      },
    ],
  });
  return async (place, source) => {
    const path = place.endsWith('.ts') ? place : `src/${place}/planted.ts`;
    const [result] = await eslint.lintText(source, { filePath: join(projectRoot, path) });
    return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? ['no result'];
  };
}

/** The files under version control: .gitignore names folders only. */
function filesUnder(folder: string): string[] {
  const ignored = ['.git', 'node_modules', 'dist', '.cache', '.tap', 'coverage'];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (ignored.includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

function commentLines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => /^\s*(\/\*\*|\*|\/\/) /.test(line));
}

/** The files of src that a file imports, for types as well. */
function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => join(dirname(path), fileName.replace(/\.js$/, '.ts')))
    .filter((imported) => imported.startsWith(src));
}

/** Each circle of imports once, from where it was entered. */
function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const entered = path.indexOf(file);
    if (entered >= 0) circles.push([...path.slice(entered), file].map(nameOf).join(' → '));
    if (entered >= 0 || done.has(file)) return;
    for (const imported of imports.get(file) ?? []) walk(imported, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return circles;
}

function nameOf(path: string): string {
  return path.startsWith(projectRoot) ? relative(projectRoot, path) : path;
}
