import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import type { LineSpec } from '../../../src/operate/log-lines/line.js';
import { createSay, logLines } from '../../../src/operate/log-lines/log-lines.js';
import { createLog } from '../../../src/operate/log.js';

const src = join(projectRoot, 'src');
const lines = Object.entries<LineSpec>(logLines);
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(src, name), 'utf8') }));

t.test('each line is in the list, and each line of the list is written somewhere', (t) => {
  const past = sources.filter(({ text }) => /\blog\w*\??\.(debug|info|warn|error|fatal)\(/i.test(text));
  t.same(
    past.map(({ name }) => name),
    [],
    'past the list',
  );
  for (const [name] of lines)
    t.ok(
      sources.some(({ text }) => text.includes(`'${name}'`)),
      name,
    );
  t.end();
});

t.test('a message is short, told apart from others, and names its noun first', (t) => {
  const messages = lines.map(([, { message }]) => message);
  const again = messages.filter((message, index) => messages.indexOf(message) !== index);
  t.same(again, []);
  for (const message of messages) {
    t.ok(message.length <= 110, message);
    t.notMatch(message, /^(a|an|the|no|somebody|what) /i);
    t.notMatch(message, /\.$/);
  }
  t.end();
});

t.test('each warning and each error says what to do', (t) => {
  for (const [name, { level, advice }] of lines)
    t.equal(advice !== undefined, level === 'warn' || level === 'error', name);
  t.end();
});

t.test('a line has its level, its message and its advice, or the better one of the occurrence', (t) => {
  const written: string[] = [];
  const say = createSay(createLog('info', { write: (line) => written.push(line) }));
  say('streamDeclareFailed', { stream: 'S', reason: 'full', retryInMs: 1 });
  say('streamDeclareFailed', { stream: 'S', reason: 'full', retryInMs: 1, advice: 'empty it', count: 3 });
  say('streamCreated', { stream: 'S' });
  say('messageSettled', { queue: 'q' });
  // @ts-expect-error A field that the list does not have for this line.
  say('streamCreated', { stream: 'S', queue: 'q' });
  const [first, second, third, , ...more] = written.map((line) => JSON.parse(line) as object);
  t.match(first, { level: 'error', message: 'stream cannot be declared, trying again', advice: /doctor/ });
  t.match(second, { stream: 'S', advice: 'empty it', count: 3 });
  t.match(third, { level: 'info', message: 'stream created', stream: 'S' });
  t.notOk('advice' in (third ?? {}));
  t.same(more, [], 'a level that is off');
  t.end();
});
