import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { projectRoot } from '../../deploy/local/nats-server.mjs';

/** One JSON line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** `vod-relay` as users run it: the built program in a process of its own. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  /** Every JSON line so far, from stdout and stderr, in order of arrival. */
  readonly logs: readonly LogLine[];
  /** All text so far, JSON lines included. */
  readonly stdout: string;
  readonly stderr: string;
  /**
   * The first log line, past or to come, that the predicate accepts. Rejects when the process ends without
   * one, or after `timeoutMs` (default 60 s), with the end of the log in the message.
   */
  waitForLog(predicate: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** Sends a signal, SIGTERM by default, and does not wait. */
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when the process has ended and all its output was read; never rejects. */
  readonly exit: Promise<Exit>;
}

export interface WorkerProcessOptions {
  /**
   * The whole environment besides PATH, HOME and the like: nothing of the test runner or the developer leaks
   * in.
   */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Flags for node itself. */
  nodeFlags?: readonly string[];
}

const inherited = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG'];

/** A test whose clock is moved has workers whose clocks are moved as well. */
const clockFlags = process.execArgv.filter((flag) => flag.includes('moved-clock.mjs'));

/**
 * Starts `node dist/main.js …args`. `await using` kills it at the end of the scope. The set-up keeps dist
 * fresh.
 */
export function startWorkerProcess(
  args: readonly string[],
  options: WorkerProcessOptions = {},
): WorkerProcess {
  const program = join(projectRoot, 'dist', 'main.js');
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', ...clockFlags, ...(options.nodeFlags ?? []), program, ...args],
    { cwd: options.cwd ?? projectRoot, env: cleanEnv(options.env), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const logs: LogLine[] = [];
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  const collect = (stream: Readable, name: 'stdout' | 'stderr'): void => {
    createInterface({ input: stream }).on('line', (line) => {
      text[name] += `${line}\n`;
      const parsed = parseLogLine(line);
      if (parsed) logs.push(parsed);
      for (const watcher of watchers) watcher();
    });
  };
  collect(child.stdout, 'stdout');
  collect(child.stderr, 'stderr');
  const killWithUs = (): unknown => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const exit = once(child, 'close').then((ending): Exit => {
    process.removeListener('exit', killWithUs);
    const [code, signal] = ending as [number | null, NodeJS.Signals | null];
    return { code, signal };
  });

  const waitForLog = async (predicate: (line: LogLine) => boolean, timeoutMs = 60_000): Promise<LogLine> => {
    let seen = 0;
    let look: () => void = () => undefined;
    const found = new Promise<LogLine>((resolve) => {
      look = () => {
        const match = logs.slice(seen).find(predicate);
        seen = logs.length;
        if (match) resolve(match);
      };
      watchers.add(look);
      look();
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, `within ${timeoutMs} ms`);
    });
    const ended = exit.then(({ code, signal }) => `before it ended (${signal ?? `exit code ${code ?? ''}`})`);
    try {
      const first = await Promise.race([found, late, ended]);
      if (typeof first !== 'string') return first;
      throw new Error(`no such log line ${first}. The end of its output:\n${tail(text)}`);
    } finally {
      clearTimeout(timer);
      watchers.delete(look);
    }
  };

  return {
    pid: child.pid ?? 0,
    logs,
    get stdout() {
      return text.stdout;
    },
    get stderr() {
      return text.stderr;
    },
    waitForLog,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    exit,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...extra };
}

function parseLogLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

function tail({ stdout, stderr }: { stdout: string; stderr: string }): string {
  return `${stdout.slice(-3000)}\n${stderr.slice(-3000)}`;
}
