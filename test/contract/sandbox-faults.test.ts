import t, { type Test } from 'tap';
import { sandboxCommand } from '../../src/commands/sandbox.js';
import type { FaultRule, ScriptedAnswer } from '../../src/sandbox/faults/fault.js';
import type { SandboxOptions } from '../../src/sandbox/sandbox.js';
import { openSandbox, startMs } from './open-sandbox-mns.js';
import { element, elements, type RawAnswer, type RawRequest } from '../support/raw-client.js';
import { until } from '../support/until.js';

const messages = '/queues/orders/messages';

/** A sandbox with these faults and messages in its queue; its clock moves only by `advance`. */
async function open(test: Test, faults: FaultRule[], bodies = ['a', 'b'], options: SandboxOptions = {}) {
  const opened = await openSandbox(test, { queues: ['orders', 'other'], ...options });
  opened.feed(...bodies);
  opened.sandbox.actions.setFaults(faults);
  return {
    ...opened,
    receive: (rest: Partial<RawRequest> = {}) => opened.receive('?numOfMessages=16', rest),
  };
}

const handlesOf = ({ body }: RawAnswer) => elements(body, 'ReceiptHandle');

/** Moves the clock until `answer` is there, for answers that come in steps. */
async function whileMoving<T>(answer: Promise<T>, step: () => void): Promise<T> {
  let isDone = false;
  const done = answer.finally(() => (isDone = true));
  while (!isDone) {
    step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return await done;
}

t.test('faults that come instead of the operation leave the queue as it was', async (t) => {
  const rows: { fault: FaultRule; status: number; code?: string; type?: string }[] = [
    {
      fault: { kind: '429', delayMs: 500 },
      status: 429,
      code: 'TooManyRequests',
      type: 'text/xml;charset=utf-8',
    },
    { fault: { kind: '500' }, status: 500, code: 'InternalError', type: 'text/xml;charset=utf-8' },
    { fault: { kind: 'expired-token' }, status: 403, code: 'SecurityTokenExpired' },
    { fault: { kind: 'early-empty-poll' }, status: 404, code: 'MessageNotExist' },
    { fault: { kind: 'html-502' }, status: 502, type: 'text/html' },
    { fault: { kind: 'empty-503' }, status: 503 },
  ];
  for (const { fault, status, code, type } of rows) {
    const { receive, state, clock } = await open(t, [fault]);
    const answer = await whileMoving(receive(), () => {
      clock.advance(1);
    });
    t.equal(answer.status, status, fault.kind);
    if (code !== undefined) t.equal(element(answer.body, 'Code'), code);
    if (type !== undefined) t.equal(answer.headers.get('content-type'), type);
    if (fault.kind === '429') t.ok(clock.now() >= startMs + 500, 'it was held first');
    if (fault.kind === 'empty-503') t.equal(answer.body, '');
    t.same([state().received, state().active], [0, 2]);
    t.equal(state().requests['BatchReceive']?.[String(status)], 1);
  }
});

t.test('a reset comes before the effect, or after it as a lost answer', async (t) => {
  const before = await open(t, [{ kind: 'reset' }]);
  await t.rejects(before.receive(), { code: 'ECONNRESET' });
  t.equal(before.state().received, 0);
  const after = await open(t, [{ kind: 'reset-after-effect' }]);
  await t.rejects(after.receive(), { code: 'ECONNRESET' });
  t.same([after.state().received, after.state().inactive], [2, 2]);
  t.equal(after.state().requests['BatchReceive']?.['reset-after-effect'], 1);
});

t.test('a body can be cut off, drip or never come', async (t) => {
  const cut = await open(t, [{ kind: 'truncated-body' }]);
  const half = await cut.receive();
  t.equal(half.status, 200);
  t.equal(half.body.length, Math.floor(Number(half.headers.get('content-length')) / 2));
  const slow = await open(t, [{ kind: 'slow-body', chunkBytes: 50, delayMs: 100 }]);
  const whole = await whileMoving(slow.receive(), () => {
    slow.clock.advance(10);
  });
  t.equal(whole.body.length, Number(whole.headers.get('content-length')));
  t.equal(handlesOf(whole).length, 2);
  t.ok(slow.clock.now() >= startMs + 100 * Math.floor(whole.body.length / 50), 'piece by piece');
  const never = await open(t, [{ kind: 'hang' }]);
  const leaving = new AbortController();
  const silence = never.receive({ signal: leaving.signal });
  await until(() => never.state().requests['BatchReceive']?.['hang'], {
    what: 'the request hangs',
    everyMs: 1,
  });
  leaving.abort();
  t.equal((await silence).wire, '');
  t.equal(never.state().received, 0);
});

t.test('a duplicate delivery leaves its message visible for the next receive', async (t) => {
  const { receive, removeBatch, state } = await open(t, [{ kind: 'duplicate-delivery', count: 1 }]);
  const first = await receive();
  t.same(elements(first.body, 'MessageBody'), ['a', 'b']);
  t.same([state().active, state().inactive, state().undeleted], [1, 1, 2]);
  const second = await receive();
  t.same(elements(second.body, 'MessageBody'), ['a']);
  t.equal(element(second.body, 'MessageId'), element(first.body, 'MessageId'));
  t.equal(element(second.body, 'DequeueCount'), '2');
  t.same(
    elements((await removeBatch(...handlesOf(first))).body, 'ErrorCode'),
    ['MessageNotExist'],
    'the older handle',
  );
  t.equal((await removeBatch(...handlesOf(second))).status, 204);
  t.same([state().duplicated, state().undeleted, state().active], [1, 0, 0]);
});

t.test('deletes can fail in part, or be lost behind a 204', async (t) => {
  const bodies = Array.from({ length: 16 }, (_, index) => String(index));
  const partly = await open(t, [{ kind: 'partial-delete', count: 1 }], bodies);
  const handles = handlesOf(await partly.receive());
  const answer = await partly.removeBatch(...handles);
  t.equal(answer.status, 404);
  const failed = handlesOf(answer);
  t.ok(failed.length > 0 && failed.length < 16, 'some of them');
  t.same([...new Set(elements(answer.body, 'ErrorCode'))].sort(), ['InternalError', 'MessageNotExist']);
  t.equal(partly.state().inactive, failed.length);
  t.equal((await partly.removeBatch(...failed)).status, 204, 'they were alive');
  const lost = await open(t, [{ kind: 'lost-delete', count: 1 }]);
  const kept = handlesOf(await lost.receive());
  t.equal((await lost.removeBatch(...kept)).status, 204);
  t.same([lost.state().deleted, lost.state().inactive], [0, 2]);
});

t.test('the clock of the server can be wrong, which its Date header tells', async (t) => {
  const { receive } = await open(t, [{ kind: 'clock-skew', offsetMs: 16 * 60_000 }]);
  const answer = await receive();
  t.equal(answer.status, 408);
  t.equal(element(answer.body, 'Code'), 'TimeExpired');
  t.equal(answer.headers.get('date'), new Date(startMs + 16 * 60_000).toUTCString());
});

t.test('receiving without deleting is throttled beyond a limit', async (t) => {
  const bodies = Array.from({ length: 20 }, (_, index) => String(index));
  const { receive, removeBatch, clock } = await open(
    t,
    [{ kind: 'receive-without-delete-throttle', limit: 15 }],
    bodies,
  );
  const handles = handlesOf(await receive());
  const throttled = await whileMoving(receive(), () => {
    clock.advance(1);
  });
  t.equal(throttled.status, 429);
  await removeBatch(...handles.slice(0, 1));
  t.equal(handlesOf(await receive()).length, 4);
});

t.test('a scripted answer is sent as written, whatever HTTP says', async (t) => {
  const script = (rest: Omit<ScriptedAnswer, 'kind'>): FaultRule => ({ kind: 'respond', ...rest });
  const headers = { 'cOntent-Type': 'Text/XML' };
  const plain = await open(t, [script({ status: 503, headers, body: '<Error/>' })]);
  const answer = await plain.receive();
  t.equal(answer.status, 503);
  t.same(
    answer.headerLines.filter((header) => !header.startsWith('Connection')),
    ['cOntent-Type: Text/XML', 'Content-Length: 8'],
  );
  t.equal(answer.body, '<Error/>');
  t.equal(plain.state().received, 0);
  const wires: [Omit<ScriptedAnswer, 'kind'>, string][] = [
    [{ status: 200, body: 'abcd', ending: 'truncated' }, 'HTTP/1.1 200 OK\r\nContent-Length: 68\r\n\r\nabcd'],
    [
      { status: 200, body: 'abcd', ending: 'cut' },
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n',
    ],
    [{ status: 200, body: 'abcd', ending: 'unframed' }, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd'],
    [{ status: 0, bodyBase64: '/wA=', ending: 'garbage' }, '\xff\0'],
  ];
  for (const [rest, wire] of wires) {
    const { receive } = await open(t, [script(rest)]);
    t.equal((await receive()).wire, wire, `ending ${rest.ending ?? ''}`);
  }
  const after = await open(t, [script({ status: 302, headers: { Location: '/' }, afterEffect: true })]);
  t.equal((await after.receive()).status, 302);
  t.equal(after.state().inactive, 2, 'the operation took effect');
  const stall = await open(t, [script({ status: 200, body: 'abcd', ending: 'stall' })]);
  const leaving = new AbortController();
  const stalled = stall.receive({
    signal: leaving.signal,
    onData(wire) {
      if (wire.endsWith('ab')) leaving.abort();
    },
  });
  t.equal((await stalled).wire, 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
});

t.test('rules strike only their operation and queue, and as often as they say', async (t) => {
  const { call, receive, sandbox } = await open(t, [
    { kind: '500', operation: 'BatchReceive', queue: 'orders', count: 2 },
    { kind: 'empty-503', operation: 'Peek' },
  ]);
  const other = '/queues/other/messages?numOfMessages=16';
  t.equal((await call('GET', other)).status, 404);
  t.equal((await call('GET', `${messages}?peekonly=true`)).status, 503);
  t.equal((await receive()).status, 500);
  t.equal((await receive()).status, 500);
  t.equal((await receive()).status, 200);
  t.same(
    sandbox.actions.state().faults.map(({ struck }) => struck),
    [2, 1],
  );
});

t.test('the same seed throws the same dice', async (t) => {
  const statuses = async (seed: number): Promise<number[]> => {
    const { receive } = await open(t, [{ kind: '500', probability: 0.5 }], [], { seed });
    const answers: number[] = [];
    for (let round = 0; round < 24; round += 1) answers.push((await receive()).status);
    return answers;
  };
  const first = await statuses(11);
  t.same(await statuses(11), first);
  t.notSame(await statuses(12), first);
  t.same([...new Set(first)].sort(), [404, 500]);
});

t.test('the command starts a sandbox, says where it is, and ends with SIGTERM', async (t) => {
  const written: string[] = [];
  const command = sandboxCommand().configureOutput({ writeOut: (line) => written.push(line) });
  const flags = ['--queue', 'a', '--queue', 'b', '--visibility-seconds', '5', '--json'];
  const running = command.parseAsync(flags, { from: 'user' });
  await until(() => written.length, { what: 'the sandbox tells where it is', everyMs: 1 });
  const told = JSON.parse(written.join('')) as { url: string; control: string; queues: string[] };
  t.same(told.queues, ['a', 'b']);
  const health = await fetch(`${told.control}health`);
  t.match(await health.json(), { status: 'ok' });
  process.emit('SIGTERM');
  await running;
  await t.rejects(fetch(`${told.control}health`), 'the port is free again');
});
