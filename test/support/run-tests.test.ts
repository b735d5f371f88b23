import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const runner = fileURLToPath(new URL('./run-tests.mjs', import.meta.url));

t.test('the test runner', async (t) => {
  await t.test('counts everything that goes wrong as a failure, and says so in its last line', async (t) => {
    const { code, output } = await runOn(
      t.testdir({
        'passes.test.ts': `import t from 'tap'; t.ok(1); t.test('x', async (t) => { t.ok(1); });`,
        'fails.test.ts': `import t from 'tap'; t.equal(1, 2, 'sums'); t.ok(1);`,
        'crashes.test.ts': `import './nowhere.js';`,
        'is-not-typescript.test.ts': `const = 1;`,
        'is-empty.test.ts': `import t from 'tap';`,
        'skips.test.ts': `import t from 'tap'; t.ok(1); t.skip('later');`,
        'never-ends.test.ts': `import t from 'tap'; t.test('x', () => new Promise(() => {}));`,
        'hangs.test.ts': `import t from 'tap'; t.test('x', () => new Promise(() => setInterval(() => {}, 1000)));`,
        'fails-late.test.ts': `import t from 'tap'; t.ok(1); process.on('exit', () => { process.exitCode = 7; });`,
      }),
    );
    t.equal(code, 1);
    t.match(output, /FAILED .* 1 .*fails\.test\.ts\n\s+not ok: sums\n/);
    t.match(output, /FAILED .* 0 .*crashes\.test\.ts\n\s+exit code 1\n(.*\n)+?.*Cannot find module/);
    t.match(output, /FAILED .* 0 .*is-not-typescript\.test\.ts\n\s+exit code 1\n(.*\n)+?.*SyntaxError/);
    t.match(output, /FAILED .* 0 .*is-empty\.test\.ts\n\s+no tests ran\n/);
    t.match(output, /FAILED .* 1 .*skips\.test\.ts\n\s+skipped: later\n/);
    t.match(output, /FAILED .* 0 .*never-ends\.test\.ts\n\s+not ok: x/);
    t.match(output, /FAILED .* 0 .*hangs\.test\.ts\n\s+not ok: x > timeout!/);
    t.match(output, /FAILED .* 1 .*fails-late\.test\.ts\n\s+exit code 7\n/);
    t.match(output, /ok .* 2 .*passes\.test\.ts\n/);
    t.equal(lastLine(output), '5 passed, 8 failed');
  });

  await t.test('succeeds when every test does', async (t) => {
    const { code, output } = await runOn(t.testdir({ 'a.test.ts': `import t from 'tap'; t.ok(1);` }));
    t.equal(code, 0);
    t.equal(lastLine(output), '1 passed, 0 failed');
  });

  await t.test(
    'moves the clock of a test and of what it starts, and so finds a date of these days',
    async (t) => {
      const support = new URL('.', import.meta.url).href;
      // The runner starts with the system's clock, also where this test's is moved.
      const systemMs = Math.round(performance.timeOrigin + performance.now());
      const yesterday = new Date(systemMs - 86_400_000).toISOString();
      const folder = t.testdir({
        'clock.test.ts': `
        import t from 'tap';
        import { startWorkerProcess } from '${support}worker-process.ts';
        const movedMs = Date.now() - ${systemMs};
        const isMoved = (ms) => Math.abs(ms - 400 * 86_400_000) < 600_000;
        const worker = startWorkerProcess([], { nodeFlags: ['--print', 'Date.now() - ${systemMs}'] });
        await worker.exit;
        t.ok(isMoved(movedMs), 'Date.now()');
        t.ok(isMoved(new Date().getTime() - ${systemMs}), 'new Date()');
        t.ok(isMoved(Date.parse(Date()) - ${systemMs}), 'Date()');
        t.ok(isMoved(Number(worker.stdout)), 'of a worker');
        t.same([new Date(7).getTime(), new Date() instanceof Date, new Date().constructor === Date], [7, true, true]);`,
        'dated.test.ts': `
        import t from 'tap';
        import { startSandbox } from '${support}../../src/sandbox/sandbox.ts';
        const { actions, close } = await startSandbox({ queues: ['q'] });
        actions.feed('q', [{ body: 'x', enqueueTimeMs: Date.parse('${yesterday}') }]);
        t.equal(actions.remaining('q').length, 1);
        await close();`,
      });
      const moved = await runOn(folder, '--clock=+400d');
      t.match(moved.output, /ok .* 5 .*clock\.test\.ts\n/);
      t.match(moved.output, /FAILED .* 0 .*dated\.test\.ts\n/);
      t.equal(lastLine(moved.output), '5 passed, 1 failed');
      t.match((await runOn(folder)).output, /ok .* 1 .*dated\.test\.ts\n/, 'today it is green');
      t.equal((await runOn(folder, '--clock=soon')).code, 1);
    },
  );

  await t.test('fails when there is nothing to run', async (t) => {
    const { code, output } = await runOn(t.testdir({ 'notes.txt': '' }));
    t.equal(code, 1);
    t.match(output, 'no tests were found');
    t.equal(lastLine(output), '0 passed, 1 failed');
  });
});

async function runOn(folder: string, ...options: string[]): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [runner, '--timeout-seconds', '3', ...options, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = (await Promise.all([text(child.stdout), once(child, 'close')])) as [
    string,
    [unknown],
  ];
  return { code, output };
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split('\n').at(-1);
}
