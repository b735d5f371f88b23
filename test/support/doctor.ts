import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import type { Test } from 'tap';
import type { Result } from '../../src/doctor/check.js';
import type { SandboxCredential } from '../../src/sandbox/control/types.js';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import { region, type ConfigOverrides, type Role, type Testbed } from './testbed.js';
import { startWorkerProcess } from './worker-process.js';

/** The output of `vod-relay doctor`. */
export interface Examination {
  code: number | null;
  results: Result[];
  stdout: string;
}

/** A set-up with one fault in it, for an MNS and a VOD that many share. */
export interface BadSetUp {
  what: string;
  /** Of the queue in the configuration. */
  queueConfig?: ConfigOverrides;
  config?: ConfigOverrides;
  faults?: FaultRule[];
  finds: readonly ExpectedProblem[];
}

/** The fault, and the text that has to name it. */
export interface ExpectedProblem {
  /** As in `queue vod-events`; a row with another area is another problem. */
  area: string;
  id: string;
  status: 'warn' | 'fail';
  remedy: RegExp;
}

/** Of all keys; never to be shown. */
export const secret = 'the-secret-of-all-keys';

/**
 * Keys for a testbed: `all` may do everything, `no-<operation>` all but one, and `expired` nothing any more.
 */
export const allCredentials: readonly SandboxCredential[] = [
  { accessKeyId: 'all', accessKeySecret: secret },
  { accessKeyId: 'expired', accessKeySecret: secret, securityToken: 'old-token', expiresMs: 1 },
  ...(
    [
      'GetQueueAttributes',
      'BatchReceive',
      'BatchDelete',
      'ChangeVisibility',
      'GetVideoInfo',
      'DeleteMultipartUpload',
    ] as const
  ).map((operation) => ({ accessKeyId: `no-${operation}`, accessKeySecret: secret, denied: [operation] })),
];

/** The configuration to sign with one of them. */
export function key(accessKeyId: string, accessKeySecret = secret): ConfigOverrides {
  return { credentials: { type: 'access_key', accessKeyId, accessKeySecret } };
}

/** A problem with the VOD of a testbed. */
export function inVod(
  { sandbox }: Testbed,
  status: 'warn' | 'fail',
  id: string,
  remedy: RegExp,
): ExpectedProblem {
  return { area: `VOD ${region} ${sandbox.accountId}`, id, status, remedy };
}

/** A problem that both calls of a follow-up meet. */
export function inBothCalls(bed: Testbed, remedy: RegExp): ExpectedProblem[] {
  return ['vod:GetVideoInfo', 'vod:DeleteMultipartUpload'].map((id) => inVod(bed, 'fail', id, remedy));
}

/** A port where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** `vod-relay doctor --json` on a configuration for this testbed, as for its workers. */
export async function examine(
  bed: Testbed,
  overrides: ConfigOverrides = {},
  role: Role = 'both',
): Promise<Examination> {
  const { code, stdout } = await runDoctor(bed, overrides, ['--role', role, '--json']);
  return { code, results: JSON.parse(stdout) as Result[], stdout };
}

/** `vod-relay doctor` with these arguments. */
export async function runDoctor(
  bed: Testbed,
  overrides: ConfigOverrides,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string }> {
  const { accessKeyId, accessKeySecret } = bed.sandbox;
  const usual = {
    queues: [bed.queue('vod-events')],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [bed.nats.url] },
  };
  const file = join(bed.folder, 'doctor.json');
  await writeFile(file, JSON.stringify({ ...usual, ...overrides }));
  await using doctor = startWorkerProcess(['doctor', '--config', file, ...args], { env });
  const { code } = await doctor.exit;
  if (doctor.stderr !== '') throw new Error(doctor.stderr);
  return { code, stdout: doctor.stdout };
}

/** Expects exactly these problems, each with its remedy, and the exit code that goes with them. */
export function expectProblems(t: Test, examined: Examination, expected: readonly ExpectedProblem[]): void {
  const { code, results } = examined;
  const found = results.filter(({ status }) => status === 'warn' || status === 'fail');
  const line = ({ status, area, id }: Pick<Result, 'status' | 'area' | 'id'>): string =>
    `${status} ${area}: ${id}`;
  t.same(found.map(line).sort(), expected.map(line).sort(), 'what is wrong');
  for (const problem of expected) {
    const { remedy = 'none' } = found.find((each) => line(each) === line(problem)) ?? {};
    t.match(remedy, problem.remedy, `the remedy of ${problem.id}`);
  }
  t.equal(code, expected.some(({ status }) => status === 'fail') ? 1 : 0, 'the exit code');
}

/** Every stream and consumer, without the time of the question. */
export async function streamsOf({ nats }: Testbed): Promise<object[]> {
  const connection = await connect({ servers: nats.url });
  try {
    const manager = await connection.jetstreamManager();
    const found: object[] = [];
    for await (const { config, state } of manager.streams.list()) {
      const consumers: object[] = [];
      for await (const consumer of manager.consumers.list(config.name)) {
        const { config: itsConfig, num_ack_pending, num_pending, ack_floor } = consumer;
        consumers.push({ itsConfig, num_ack_pending, num_pending, ack_floor });
      }
      found.push({ config, state, consumers });
    }
    return found;
  } finally {
    await connection.close();
  }
}
