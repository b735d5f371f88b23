import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, headers as createHeaders } from 'nats';
import t from 'tap';
import { deadLettersCommand } from '../../src/commands/dead-letters/dead-letters.js';
import type { DeadLettersIo } from '../../src/commands/dead-letters/session.js';
import type { DeadLetter } from '../../src/event/dead-letter.js';
import { deadLetterPublication } from '../../src/nats/publish/publication.js';
import { codeBlocks } from '../support/pages.js';
import { startNatsServer } from '../support/nats-server.js';
import { peakBytes, peakFlags } from '../support/peak.js';
import { storedDeadLetters } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import { startWorkerProcess } from '../support/worker-process.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const manager = await client.jetstreamManager();
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

t.test('from a worker’s dead letter to its bytes, and out', async (t) => {
  await using bed = await startTestbed();
  const worker = await bed.startWorker({ foreignEvents: 'dead-letter' });
  const bodies = ['no JSON \u{9B}31m', foreignBody(), deletionBody({ MediaId: null })];
  await bed.control.feed(
    'vod-events',
    bodies.map((body) => ({ body })),
  );
  await until(async () => (await storedDeadLetters(bed.nats.url)).length === 3, { what: 'all are stored' });
  const run = (...args: string[]): Promise<Result> =>
    spawned([...args, '--config', join(bed.folder, 'config-0.json')]);

  const listed = await run('list', '--json');
  t.same(listed.exit, 0);
  const letters = jsonLines(listed.stdout);
  t.same(letters.map(({ code }) => code).sort(), ['field-missing', 'foreign-refused', 'not-json']);
  t.match(listed.stderr, /^3 dead letters$/m);
  const idOf = (code: string): string => String(letters.find((letter) => letter['code'] === code)?.['id']);

  const [junk, foreign] = [await run('show', idOf('not-json')), await run('show', idOf('foreign-refused'))];
  t.match(junk.stdout, /Dead-Letter-Code: not-json/);
  t.match(junk.stdout, /still undecodable: not-json, JSON is expected \(offset \d\)/);
  t.match(junk.stdout, /^00000000 {2}6e 6f 20 4a 53 4f 4e 20 {2}c2 9b 33 31 6d {11}\|no JSON \.\.31m\|$/m);
  t.match(junk.stdout, /^no JSON \\u\{9B\}31m$/m);
  t.notMatch(junk.stdout, '\u{9B}', 'nothing reaches the terminal that steers it');
  t.match(foreign.stdout, /TranscodeComplete 43b689jsi3ka5422dfe1e47/);
  t.match(foreign.stdout, /a replay leaves it: foreignEvents is set to dead-letter/);
  await writeFile(join(bed.folder, 'forward.json'), '{"foreignEvents":"forward"}');
  const forwarded = await run('show', idOf('foreign-refused'), '--config', join(bed.folder, 'forward.json'));
  t.equal(forwarded.exit, 0);

  const raw = await run('show', idOf('not-json'), '--raw');
  t.equal(raw.stdout, bodies[0]);
  const discarded = await run('discard', idOf('not-json'), '--yes');
  t.equal(discarded.exit, 0);
  t.match(discarded.stderr, /^deleted 1$/m);
  t.equal((await storedDeadLetters(bed.nats.url)).length, 2);
  worker.kill();
  await worker.exit;
});

t.test('lists in pages, each of which says how to get the next', async (t) => {
  const { run } = await filled(t.testdir(), 120);
  const first = await run('list', '--page-size', '50', '--queue', 'q0');
  t.match(first.stdout, /^ID +TIME +QUEUE +CODE +REASON$/m);
  t.equal(rowsOf(first.stdout).length, 50);
  const [, next = ''] = /^Next page: vod-relay dead-letters (.*)$/m.exec(first.stderr) ?? [];
  const second = await vodRelay(next.split(' '));
  t.equal(rowsOf(second.stdout).length, 10);
  t.notMatch(second.stderr, 'Next page');
  const ids = [...rowsOf(first.stdout), ...rowsOf(second.stdout)].map((row) => Number.parseInt(row));
  t.same(
    ids,
    Array.from({ length: 60 }, (_, at) => at * 2 + 1),
  );
  t.equal(rowsOf((await run('list', '--all')).stdout).length, 120);
  t.match(
    (await run('list', '--page-size', '120')).stderr,
    /^120 dead letters\n$/,
    'a page that is just full',
  );
});

t.test('filters', async (t) => {
  const { run } = await filled(t.testdir(), 40);
  // The clock of the server need not be ours.
  const { time } = await manager.streams.getMessage('TEST_DEAD_LETTERS', { seq: 1 });
  const before = `${Math.max(1, Math.ceil((Date.now() - time.getTime()) / 3_600_000) + 1)}h`;
  const rows: [filters: string[], wanted: number][] = [
    [['--queue', 'q1'], 20],
    [['--queue', 'none'], 0],
    [['--code', 'not-json'], 20],
    [['--code', 'field-invalid', '--queue', 'q1'], 20],
    [['--media-id', 'media-3'], 1],
    [['--event-type', 'DeleteMediaComplete', '--media-type', 'video'], 20],
    [['--status', 'fail'], 0],
    [['--delete-type', 'all', '--limit', '7'], 7],
    [['--since', before], 40],
    [['--until', before], 0],
    [['--since', '2020-01-01', '--until', '2020-01-02T00:00:00+08:00'], 0],
    [['--done'], 0],
  ];
  for (const [filters, wanted] of rows) {
    const { stdout } = await run('list', '--all', '--json', ...filters);
    t.equal(jsonLines(stdout).length, wanted, filters.join(' '));
  }
});

t.test('refuses what cannot be meant', async (t) => {
  const { run } = await filled(t.testdir(), 2);
  const rows: [args: string[], message: RegExp][] = [
    [['discard'], /say which: ids, filters, or --all/],
    [['discard', '1', '--all'], /ids or filters, not both/],
    [['discard', '1', '--queue', 'q0'], /ids or filters, not both/],
    [['discard', '--queue', 'q0'], /1 dead letters \(open, queue q0\) would go: say --yes/],
    [['discard', 'one'], /whole number/],
    [['show', '99'], /there is no dead letter 99/],
    [['show', '0'], /whole number/],
    [['list', '--since', 'yesterday'], /a time such as/],
    [['list', '--since', '2026-13-01'], /a time such as/],
    [['list', '--since', '1h', '--until', '2h'], /--since must be before --until/],
    [['list', '--code', 'no-code'], /Allowed choices are empty-body/],
  ];
  for (const [args, message] of rows) {
    const { exit, stderr, stdout } = await run(...args);
    t.same([exit, stdout], [1, ''], args.join(' '));
    t.match(stderr, message, args.join(' '));
  }
  t.equal((await storedDeadLetters(server.url, 'TEST_DEAD_LETTERS')).length, 2, 'and nothing is gone');
});

t.test('exports everything there is, to standard output or a file', async (t) => {
  const { run, folder } = await filled(t.testdir(), 30);
  const stored = await storedDeadLetters(server.url, 'TEST_DEAD_LETTERS');
  const wanted = stored.map(({ seq, subject, headers, data }) => ({
    id: seq,
    subject,
    headers,
    bodyBase64: Buffer.from(data).toString('base64'),
  }));
  const { stdout } = await run('export');
  t.match(jsonLines(stdout), wanted);
  const file = join(folder, 'out.jsonl');
  const written = await run('export', '--output', file);
  t.equal(await readFile(file, 'utf8'), stdout);
  t.match(written.stderr, `30 dead letters written to ${file}`);
  t.equal(written.stdout, '');
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.equal((await run('export', '--output', file)).exit, 1, 'a file that is there stays');
  t.equal(await readFile(file, 'utf8'), stdout);
});

t.test('discards', async (t) => {
  const { run } = await filled(t.testdir(), 300);
  const left = async (): Promise<number> => (await manager.streams.info('TEST_DEAD_LETTERS')).state.messages;

  await t.test('by id, and says what was not there', async (t) => {
    const { exit, stderr } = await run('discard', '1', '2', '2', '999', '--yes');
    t.equal(exit, 1);
    t.match(stderr, /^deleted 2, not there 1$/m);
    t.equal(await left(), 298);
  });

  await t.test('by filters, with --yes', async (t) => {
    const { exit, stderr } = await run('discard', '--queue', 'q0', '--limit', '9', '--yes');
    t.equal(exit, 0);
    t.match(stderr, /^deleted 9$/m);
    t.equal(await left(), 289);
    t.match((await run('discard', '--queue', 'q9', '--yes')).stderr, /no dead letters match open, queue q9/);
  });

  await t.test('after asking, and not what came in while it asked', async (t) => {
    const asked: string[] = [];
    const file = await config(t.testdir());
    const answer = async (text: string): Promise<string[]> => {
      const { io, notes } = memoryIo(async (question) => {
        asked.push(question);
        await publish(10_000);
        return text;
      });
      const args = ['discard', '--code', 'not-json', '--config', file];
      await deadLettersCommand(io.listen, io).parseAsync(args, { from: 'user' });
      return notes;
    };
    await t.rejects(answer('n'), { message: 'nothing was deleted' });
    await t.rejects(answer(''), { message: 'nothing was deleted' });
    const before = await left();
    t.same(await answer('y'), ['deleted 142']);
    t.equal(asked[0], 'Delete 140 dead letters (open, code not-json) for good? [y/N] ');
    t.equal(await left(), before + 1 - 142);
  });

  await t.test('all, done and open apart', async (t) => {
    await publish(20_000, { done: true });
    const open = await left();
    t.match((await run('discard', '--all', '--yes')).stderr, new RegExp(`^deleted ${open - 1}$`, 'm'));
    t.match((await run('list', '--done')).stderr, /^1 dead letter$/m);
    t.match((await run('discard', '--done', '--all', '--yes')).stderr, /^deleted 1$/m);
    t.equal(await left(), 0);
  });
});

t.test('says so when the stream is not there, or a signal stops it', async (t) => {
  const { run } = await filled(t.testdir(), 1);
  await manager.streams.delete('TEST_DEAD_LETTERS');
  const missing = await run('list');
  t.equal(missing.exit, 1);
  t.match(missing.stderr, 'there is no stream TEST_DEAD_LETTERS in NATS');

  const file = await config(t.testdir(), 'nats://127.0.0.1:1');
  await using waiting = startWorkerProcess(['dead-letters', 'list', '--config', file]);
  await until(() => waiting.stderr.includes('NATS connection failed'), { what: 'it tries' });
  waiting.kill('SIGINT');
  t.same(await waiting.exit, { code: 1, signal: null });
  t.match(waiting.stderr, 'stopped before the end');
});

t.test('10,000 dead letters are listed, filtered, exported and discarded in flat memory', async (t) => {
  const folder = t.testdir();
  const { file } = await filled(folder, 10_000, { bodyLength: 20_000 });
  const output = join(folder, 'all.jsonl');
  const runs: [args: string[], told: RegExp][] = [
    [['list', '--all'], /^10000 dead letters$/m],
    [['list', '--all', '--media-id', 'media-9999'], /^1 dead letter$/m],
    [['export', '--output', output], /^10000 dead letters written/m],
    [['discard', '--all', '--yes'], /^deleted 10000$/m],
  ];
  const { bytes } = (await manager.streams.info('TEST_DEAD_LETTERS')).state;
  const nodeFlags = ['--max-old-space-size=96', ...(await peakFlags(folder))];
  for (const [args, told] of runs) {
    const { exit, stderr } = await spawned([...args, '--config', file], nodeFlags);
    t.equal(exit, 0);
    t.match(stderr, told);
    const peak = peakBytes(stderr) ?? Infinity;
    t.ok(peak < 85 * 1024 * 1024 + bytes, `${args[0] ?? ''}: ${peak} bytes`);
  }
  t.ok((await stat(output)).size > bytes, 'everything was written');
});

t.test('every command has help, with examples that are its own', async (t) => {
  for (const name of ['list', 'show', 'export', 'discard']) {
    const { exit, stdout } = await vodRelay([name, '--help']);
    t.equal(exit, 0);
    const examples = [...stdout.matchAll(/^ {2}\$ vod-relay dead-letters (.*)$/gm)].map(
      ([, line]) => line ?? '',
    );
    t.ok(examples.length > 1, `${name} has examples`);
    await t.test(`the examples of ${name} run`, async (t) => {
      const { folder } = await filled(t.testdir(), 20, { name: 'relay.json' });
      for (const example of examples) {
        const [command = ''] = example.split(/ [|>] /);
        const words = command
          .split(' ')
          .map((word) => (word === 'relay.yaml' ? join(folder, 'relay.json') : word));
        const { exit: ended, stderr } = await vodRelay(
          words.map((word) => (word.endsWith('.jsonl') ? join(folder, word) : word)),
          'y',
        );
        t.equal(ended, 0, `${example}: ${stderr}`);
      }
    });
  }
});

t.test('the commands of their page work', async (t) => {
  const lines = codeBlocks('docs/dead-letters.md', 'sh').flatMap((block) => block.split('\n'));
  const shown = lines.filter((line) => line.startsWith('vod-relay dead-letters '));
  t.ok(shown.length >= 4);
  const { folder } = await filled(t.testdir(), 20, { name: 'relay.json' });
  for (const line of shown) {
    const [command = ''] = line.split(/ +[#>|] /);
    const words = command.trim().split(/ +/).slice(2);
    const { exit, stderr } = await vodRelay(
      words.map((word) =>
        /^relay\.yaml$|\.jsonl$/.test(word) ? join(folder, word.replace('yaml', 'json')) : word,
      ),
    );
    t.equal(exit, 0, `${line}: ${stderr}`);
  }
});

interface Result {
  exit: number | null;
  stdout: string;
  stderr: string;
}

/** Says how much memory the process had at most. */
type Run = (...args: string[]) => Promise<Result>;

/** The command in this process: a process of its own takes a second to start. */
async function vodRelay(args: readonly string[], answer?: string): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const { io } = memoryIo(() => Promise.resolve(answer));
  const told: DeadLettersIo = {
    ...io,
    args: ['dead-letters', ...args],
    write: async (text) => {
      stdout += Buffer.from(text).toString();
    },
    note: (line) => {
      stderr += `${line}\n`;
    },
  };
  const command = deadLettersCommand(told.listen, told);
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => {
        stdout += text;
      },
      writeErr: (text) => {
        stderr += text;
      },
    });
  }
  try {
    await command.parseAsync(args, { from: 'user' });
    return { exit: 0, stdout, stderr };
  } catch (error) {
    const { message, exitCode = 1 } = error as Error & { exitCode?: number };
    return { exit: exitCode, stdout, stderr: `${stderr}${message}` };
  }
}

async function spawned(args: readonly string[], nodeFlags: readonly string[] = []): Promise<Result> {
  await using command = startWorkerProcess(['dead-letters', ...args], { nodeFlags });
  const { code } = await command.exit;
  const { stdout, stderr } = command;
  // A line break is added to the last line, which may have had none.
  return { exit: code, stdout: args.includes('--raw') ? stdout.slice(0, -1) : stdout, stderr };
}

/** A configuration for streams of the prefix `test`. */
async function config(folder: string, url = server.url, name = 'config.json'): Promise<string> {
  const file = join(folder, name);
  const vod = { region: 'cn-shanghai', account: '1' };
  const queue = { name: 'q0', endpoint: 'http://127.0.0.1:1', vod };
  const credentials = { type: 'access_key', accessKeyId: 'id', accessKeySecret: 'secret' };
  const nats = { servers: [url], prefix: 'test' };
  await writeFile(file, JSON.stringify({ queues: [queue], credentials, nats }));
  return file;
}

/** A stream of so many dead letters: by turns of `q0` without an event, and of `q1` with one. */
async function filled(
  folder: string,
  letters: number,
  { name = 'config.json', bodyLength = 0 } = {},
): Promise<{ folder: string; file: string; run: Run }> {
  const file = await config(folder, server.url, name);
  await manager.streams.delete('TEST_DEAD_LETTERS').catch(() => undefined);
  await manager.streams.add({ name: 'TEST_DEAD_LETTERS', subjects: ['test.dead-letter.>'] });
  for (let at = 0; at < letters; at += 500) {
    const some = Array.from({ length: Math.min(500, letters - at) }, (_, index) =>
      publish(at + index, { bodyLength }),
    );
    await Promise.all(some);
  }
  return { folder, file, run: (...args) => vodRelay([...args, '--config', file]) };
}

async function publish(at: number, { bodyLength = 0, done = false } = {}): Promise<void> {
  const isEvent = at % 2 === 1;
  const letter: DeadLetter = {
    queue: isEvent ? 'q1' : 'q0',
    messageId: `M${at}`,
    attempt: 1,
    enqueuedAtMs: Date.now(),
    body: isEvent
      ? deletionBody({ MediaId: `media-${at}`, Padding: 'x'.repeat(bodyLength) })
      : `no JSON ${at}`,
    code: isEvent ? 'field-invalid' : 'not-json',
    reason: isEvent ? 'it was not valid' : 'JSON is expected',
    at: 'offset 0',
  };
  const { subject, body, headers } = deadLetterPublication('test', letter);
  const all = createHeaders();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  if (done) all.set('Dead-Letter-Done', '2026-03-21T00:00:00.000Z');
  await client.jetstream().publish(`${subject}${done ? '.done' : ''}`, body, { headers: all });
}

/** A terminal at which this is answered, and the lines that were written for people. */
function memoryIo(ask: DeadLettersIo['ask']): { io: DeadLettersIo; notes: string[] } {
  const notes: string[] = [];
  const { signal } = new AbortController();
  const io: DeadLettersIo = {
    env: {},
    args: [],
    write: () => Promise.resolve(),
    note: (line) => notes.push(line),
    ask,
    listen: () => ({ stop: signal, abandon: signal }),
  };
  return { io, notes };
}

function rowsOf(listed: string): string[] {
  return listed.split('\n').filter((line) => /^\d/.test(line));
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
