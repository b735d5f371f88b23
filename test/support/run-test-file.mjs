import { spawn } from 'node:child_process';
import { inspect } from 'node:util';
import { Parser } from 'tap-parser';
import { projectRoot } from '../../deploy/local/nats-server.mjs';

const typescript = new URL('./typescript.mjs', import.meta.url).href;
const movedClock = new URL('./moved-clock.mjs', import.meta.url).href;
/**
 * tap reports a timeout itself and ends the file by SIGALRM; a process that cannot even do that is killed.
 */
const killAfterSeconds = 60;
const keptOutput = 20_000;
/** Written by runProcess, read by killAll. */
const running = new Set();

/**
 * Runs one test file and resolves with `{ passed, failures, elapsedMs }`, each failure a text for a person.
 * Never rejects. What the file writes to stderr is shown only when it failed. `clock` moves its clock
 * (`+400d`).
 */
export async function runTestFile(file, { env, timeoutSeconds, clock }) {
  const startedMs = performance.now();
  const parser = new Parser();
  const failures = [];
  let passed = 0;
  parser.on('pass', () => (passed += 1));
  parser.on('fail', (test) => failures.push(describe(test)));
  parser.on('skip', (test) => failures.push(`skipped: ${test.fullname}`));
  parser.on('todo', (test) => failures.push(`todo: ${test.fullname}`));
  const finished = new Promise((resolve) => parser.on('complete', resolve));

  const flags = [`--import=${typescript}`, ...(clock ? [`--import=${movedClock}?${clock}`] : [])];
  const ended = await runProcess(
    [...flags, file],
    parser,
    { ...env, TAP_TIMEOUT: String(timeoutSeconds) },
    timeoutSeconds,
  );
  const complete = await finished;
  for (const { tapError } of complete.failures) if (tapError) failures.push(String(tapError));
  const afterTimeout = ended.signal === 'SIGALRM' && failures.length > 0;
  if (ended.timedOut) failures.push('killed: still busy after its timeout');
  else if (ended.signal && !afterTimeout) failures.push(`ended by ${ended.signal}`);
  else if (ended.code !== 0 && failures.length === 0) failures.push(`exit code ${ended.code}`);
  else if (passed === 0 && failures.length === 0) failures.push('no tests ran');
  if (failures.length > 0 && ended.stderr !== '')
    failures[failures.length - 1] += `\nstderr:\n${ended.stderr}`;
  return { passed, failures, elapsedMs: performance.now() - startedMs };
}

/** Ends the test files that are running, with all that they started. */
export function killAll() {
  for (const child of running) killGroup(child);
}

/** A process group of its own, so that a file which is killed leaves no server behind. */
function runProcess(args, parser, env, timeoutSeconds) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
      cwd: projectRoot,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(child);
    let stderr = '';
    let timedOut = false;
    const giveUp = () => {
      timedOut = true;
      killGroup(child);
    };
    const timer = setTimeout(giveUp, (timeoutSeconds + killAfterSeconds) * 1000);
    child.stdout.pipe(parser);
    child.stderr.on('data', (chunk) => (stderr = (stderr + chunk).slice(-keptOutput)));
    child.on('exit', () => killGroup(child));
    child.on('error', (error) => {
      clearTimeout(timer);
      parser.end();
      resolve({ code: null, signal: null, timedOut, stderr: String(error) });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, signal, timedOut, stderr });
    });
  });
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

/** The names of the test and its parents, then what tap knows: the difference, the place, the stack. */
function describe(test) {
  const title = `not ok: ${test.fullname}`;
  if (!test.diag) return title;
  const { diff, at, stack, source, ...rest } = test.diag;
  const place = at ? `at ${at.fileName}:${at.lineNumber}:${at.columnNumber}` : '';
  const others = Object.keys(rest).length > 0 ? inspect(rest, { depth: 6, breakLength: 100 }) : '';
  return [title, place, diff, source, others, stack].filter(Boolean).join('\n');
}
