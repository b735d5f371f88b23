/**
 * Runs test files, two at a time, each in a process of its own, and ends with one line: `N passed, N failed`.
 * Whatever goes wrong counts as a failure: a crash, a timeout, a file or a run without tests, a skipped test.
 *
 *   node test/support/run-tests.mjs [--chaos-rounds N] [--clock=+400d] [--jobs N] [--timeout-seconds N]
 * [files or folders]
 *
 * Without files: every *.test.ts under test/. The test files are ordinary tap programs; tap's own runner
 * (`npx tap test/….test.ts`) runs them too, at several times the CPU time, and measures coverage.
 */
import { readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { killAll, runTestFile } from './run-test-file.mjs';
import { transpiled } from './typescript-hooks.mjs';

const total = { files: 0, passed: 0, failed: 0 };
const startedMs = performance.now();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    killAll();
    process.exit(1);
  });
}

try {
  await runAll(readArguments());
  if (total.passed + total.failed === 0) fail('no tests were found');
} catch (error) {
  fail(error);
}
console.log(`\n${total.files} files, ${seconds(performance.now() - startedMs)} s`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

function readArguments() {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    options: { 'chaos-rounds': text, clock: text, jobs: text, 'timeout-seconds': text },
    allowPositionals: true,
  });
  const rounds = values['chaos-rounds'];
  return {
    files: (positionals.length > 0 ? positionals : [join(projectRoot, 'test')]).flatMap(testFiles),
    jobs: Number(values.jobs ?? 2),
    timeoutSeconds: Number(values['timeout-seconds'] ?? (rounds ? 3600 : 600)),
    clock: values.clock,
    env: rounds ? { ...process.env, CHAOS_ROUNDS: rounds } : process.env,
  };
}

async function runAll({ files, jobs, ...options }) {
  total.files = files.length;
  await transpileAll();
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      report(file, await runTestFile(file, options));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

function report(file, { passed, failures, elapsedMs }) {
  total.passed += passed;
  total.failed += failures.length;
  const verdict = failures.length === 0 ? 'ok    ' : 'FAILED';
  const columns = [verdict, `${seconds(elapsedMs)} s`.padStart(8), String(passed).padStart(5)];
  console.log(`${columns.join(' ')}  ${relative(projectRoot, file)}`);
  for (const failure of failures) console.log(failure.replace(/^/gm, '    '));
}

function fail(reason) {
  total.failed += 1;
  console.log(reason);
}

/**
 * One compiler for all files, here, is cheaper than one in each test process. Errors show where the file is
 * used.
 */
async function transpileAll() {
  for (const folder of ['src', 'test']) {
    for (const file of sources(join(projectRoot, folder))) await transpiled(file).catch(() => {});
  }
}

function testFiles(path) {
  if (statSync(path).isFile()) return [resolve(path)];
  return sources(resolve(path)).filter((name) => name.endsWith('.test.ts'));
}

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
    .map((name) => join(folder, name));
}

function seconds(ms) {
  return (ms / 1000).toFixed(1);
}
