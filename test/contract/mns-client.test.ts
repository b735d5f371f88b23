import t, { type Test } from 'tap';
import { CredentialsCache, providersOf } from '../../src/aliyun/credentials.js';
import { MnsClient } from '../../src/receive/mns-client.js';
import { MnsError } from '../../src/receive/mns-error.js';
import { Queue } from '../../src/receive/queue.js';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import type { MnsOperation } from '../../src/sandbox/mns/operation.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { systemClock } from '../../src/time.js';
import {
  answers,
  operations,
  portOperations,
  silent,
  type Answer,
  type Expected,
  type Operation,
  type PortOperation,
  type Script,
} from './mns-answers.js';
import { never } from './mns-sandbox.js';
import { startResettingServer } from './wire-server.js';

const handles = ['handle-1', 'handle-2'];

type Call = (client: MnsClient) => Promise<unknown>;

const calls: Record<Operation | PortOperation, Call> = {
  receiveMessage: (client) => client.receiveMessage('orders', 0),
  batchReceiveMessage: (client) => client.batchReceiveMessage('orders', 16, 0),
  deleteMessage: (client) => client.deleteMessage('orders', 'handle-1'),
  batchDeleteMessage: (client) => client.batchDeleteMessage('orders', handles),
  changeMessageVisibility: (client) => client.changeMessageVisibility('orders', 'handle-1', 30),
  'Queue.receive': (client) => new Queue('orders', client).receive(16, 0, never),
  'Queue.delete': (client) => new Queue('orders', client).delete(handles),
  'Queue.changeVisibility': (client) => new Queue('orders', client).changeVisibility('handle-1', 30),
};

/** How the sandbox names an operation, and how our errors do. */
const names: Record<Operation, { sandbox: MnsOperation; error: string }> = {
  receiveMessage: { sandbox: 'Receive', error: 'ReceiveMessage' },
  batchReceiveMessage: { sandbox: 'BatchReceive', error: 'BatchReceiveMessage' },
  deleteMessage: { sandbox: 'Delete', error: 'DeleteMessage' },
  batchDeleteMessage: { sandbox: 'BatchDelete', error: 'BatchDeleteMessage' },
  changeMessageVisibility: { sandbox: 'ChangeVisibility', error: 'ChangeMessageVisibility' },
};

interface Row {
  call: Operation | PortOperation;
  operation: Operation;
  answer: Answer;
  expected: Expected;
}

const rows: readonly Row[] = operations.flatMap((operation) =>
  answers.map((answer) => ({
    call: operation,
    operation,
    answer,
    expected: answer.except?.[operation] ?? answer.expected,
  })),
);

const portRows: readonly Row[] = (Object.keys(portOperations) as PortOperation[]).flatMap((call) =>
  answers.map((answer) => {
    const operation = portOperations[call];
    const expected = answer.except?.[call] ?? answer.except?.[operation] ?? answer.expected;
    return { call, operation, answer, expected };
  }),
);

// The rows with deadlines wait; the operations wait side by side.
t.jobs = operations.length + Object.keys(portOperations).length;

t.test('the table has one row for every operation and answer', async (t) => {
  t.equal(new Set(answers.map(({ name }) => name)).size, answers.length, 'no answer is there twice');
  t.equal(new Set(rows.map(({ call, answer }) => `${call}, ${answer.name}`)).size, 5 * answers.length);
  t.equal(rows.length, 5 * answers.length);
  t.equal(portRows.length, 3 * answers.length);
});

for (const call of [...operations, ...(Object.keys(portOperations) as PortOperation[])]) {
  t.test(`${call} gives the right result or a typed error for every answer`, async (t) => {
    const sandbox = await startSandbox({ queues: ['orders'] });
    t.teardown(sandbox.close);
    for (const row of [...rows, ...portRows].filter((candidate) => candidate.call === call)) {
      const { found, wanted } = await play(t, sandbox, row);
      t.same(found, wanted, `${call}: ${row.answer.name} → ${describe(row.expected)}`);
    }
  });
}

/** Makes the call of a row on a client of its own. */
async function play(t: Test, sandbox: Sandbox, row: Row): Promise<{ found: object; wanted: object }> {
  const { sends, name } = row.answer;
  const { accountId: account, accessKeyId, accessKeySecret, actions } = sandbox;
  const isWire = typeof sends === 'object';
  actions.setFaults(isWire ? [] : [faultOf(sends, row.operation)]);
  const provider = providersOf({ type: 'access_key', accessKeyId, accessKeySecret })();
  const client = new MnsClient({
    endpoint: isWire ? await startResettingServer(t, sends.thenReset) : sandbox.url,
    account,
    credentials: new CredentialsCache(() => provider, systemClock),
    clock: systemClock,
    ...(silent.has(name) && { answerWithinMs: 2_000, bodyWithinMs: 2_000 }),
  });
  const [result] = await Promise.allSettled([calls[row.call](client)]);
  await client.close();
  const requests = actions.state().faults[0]?.struck ?? 1;
  return { found: { requests, ...outcomeOf(result, row) }, wanted: { requests: 1, ...wantedOf(row) } };
}

function faultOf(sends: Script | 'reset' | 'hang', operation: Operation): FaultRule {
  const scope = { operation: names[operation].sandbox };
  if (sends === 'reset') return { kind: 'reset', ...scope };
  if (sends === 'hang') return { kind: 'hang', ...scope };
  return { kind: 'respond', ...sends(operation), ...scope };
}

function wantedOf({ operation, expected }: Row): object {
  if ('gives' in expected) return { gives: expected.gives };
  const { fails: code, status, requestId } = expected;
  const error = { code, status, requestId, operation: names[operation].error, queue: 'orders' };
  return { error, advises: true, tellsHandle: false, saysWhatItMust: true };
}

function outcomeOf(result: PromiseSettledResult<unknown>, { expected }: Row): object {
  if (result.status === 'fulfilled') return { gives: withoutTimes(result.value) };
  const error: unknown = result.reason;
  if (!(error instanceof MnsError)) return { untyped: error };
  const { code, status, requestId, operation, queue, advice, message } = error;
  return {
    error: { code, status, requestId, operation, queue },
    advises: /\S{2,} \S{2,}/.test(advice),
    tellsHandle: /handle-\d/.test(message),
    saysWhatItMust: 'gives' in expected || (expected.message?.test(message) ?? true),
  };
}

/** A result without what differs from run to run. */
function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value !== 'object' || value === null || value instanceof Map) return value;
  const { receivedAtMs: _receivedAtMs, requestId: _requestId, ...rest } = value as Record<string, unknown>;
  return rest;
}

function describe(expected: Expected): string {
  if ('fails' in expected) return expected.fails;
  if (expected.gives instanceof Map) return `${expected.gives.size} not deleted`;
  return Array.isArray(expected.gives) ? `${expected.gives.length} messages` : 'the result';
}
