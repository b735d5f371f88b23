import type { Config, QueueConfig } from '../config/config.js';
import type { CredentialsCache } from '../aliyun/credentials.js';
import { MnsClient } from '../receive/mns-client.js';
import { MnsError } from '../receive/mns-error.js';
import { probePermission, type ProbedOperation } from '../receive/permission-probe.js';
import { Queue, type QueueAttributes } from '../receive/queue.js';
import type { Clock } from '../time.js';
import type { Check, Finding } from './check.js';
import { queueFindings } from './queue-rules.js';
import { span } from './span.js';

export interface QueueParts {
  config: Config;
  queue: QueueConfig;
  credentials: CredentialsCache;
  clock: Clock;
  /** Fails when NATS cannot be reached. */
  nats: Check;
  natsRoundTripMs: () => Promise<number>;
}

/** The checks of one queue, and what others build on. */
export interface QueueChecks {
  checks: Check[];
  access: Check;
  /** Resolves once `access` has passed. */
  attributes: () => Promise<QueueAttributes>;
  close: () => Promise<void>;
}

/** Less than a check may take, so that what failed is told by its name. */
const answerWithinMs = 8_000;
/** MNS refuses whatever is signed 15 minutes off. */
const skewAllowedMs = 60_000;
const longVisibilityMs = 600_000;

/** Access and clock, permissions, settings, and whether a message can be settled while it is hidden. */
export function queueChecks({
  config,
  queue,
  credentials,
  clock,
  nats,
  natsRoundTripMs,
}: QueueParts): QueueChecks {
  const { name, endpoint, vod, mode } = queue;
  const area = `queue ${name}`;
  const client = new MnsClient({ endpoint, account: vod.account, credentials, clock, answerWithinMs });
  let attributes: Promise<QueueAttributes> | undefined;
  const readAttributes = (signal: AbortSignal): Promise<QueueAttributes> =>
    (attributes ??= new Queue(name, client).attributes(signal));

  const access: Check = {
    area,
    id: 'access',
    run: async (signal) =>
      await orMnsFailure(async () => {
        const { serverTimeMs } = await readAttributes(signal);
        const pass: Finding = { status: 'pass', what: `${endpoint} answers, the queue exists` };
        return serverTimeMs === undefined ? pass : [pass, ...clockFindings(serverTimeMs - clock.now())];
      }),
  };
  const known = { area, needs: [access] };
  const permission = (operation: ProbedOperation): Check => ({
    ...known,
    id: `mns:${operation}`,
    run: async (signal) =>
      await orMnsFailure(async () => {
        const answer = await probePermission(client, name, operation, signal);
        if (answer === 'permitted') return { status: 'pass', what: 'permitted' };
        return {
          status: 'info',
          what: 'not refused; MNS does not say more without handing out a message',
          remedy: `see that deploy/ram/${mode === 'live' ? 'relay' : 'replay'}.json is granted: mns:ReceiveMessage and mns:BatchReceiveMessage`,
        };
      }),
  });
  const receive = permission('BatchReceiveMessage');
  const remove = permission('BatchDeleteMessage');
  const renew = permission('ChangeMessageVisibility');
  const settings: Check = {
    ...known,
    id: 'settings',
    run: async (signal) => {
      const found = await readAttributes(signal);
      const findings = queueFindings(queue, found, config);
      if (findings.some(({ status }) => status !== 'info')) return findings;
      const { retentionMs, visibilityMs } = found;
      const what = `messages are kept for ${span(retentionMs)}, and hidden for ${span(visibilityMs)}`;
      return [{ status: 'pass', what }, ...findings];
    },
  };
  const visibility: Check = {
    ...known,
    id: 'visibility',
    needs: [remove, nats],
    run: async (signal) =>
      await orMnsFailure(async () => {
        const { visibilityMs } = await readAttributes(signal);
        const publishMs = await natsRoundTripMs();
        const startedMs = clock.monotonicMs();
        await probePermission(client, name, 'BatchDeleteMessage', signal);
        const settleMs = publishMs + queue.ack.lingerMs + clock.monotonicMs() - startedMs;
        return visibilityFinding(visibilityMs, settleMs, config.nats.ackTimeoutMs);
      }),
  };
  return {
    checks: [access, receive, remove, renew, settings, ...(mode === 'live' ? [visibility] : [])],
    access,
    attributes: () => readAttributes(new AbortController().signal),
    close: () => client.close(),
  };
}

/** `aheadMs` is how far the clock of MNS is ahead of ours, to the second. */
function clockFindings(aheadMs: number): Finding[] {
  const offMs = Math.abs(aheadMs);
  if (offMs <= skewAllowedMs)
    return [{ id: 'clock', status: 'pass', what: `within ${span(skewAllowedMs)} of that of MNS` }];
  const direction = aheadMs > 0 ? 'behind' : 'ahead of';
  return [
    {
      id: 'clock',
      status: 'warn',
      what: `${Math.round(offMs / 1000)} s ${direction} that of MNS, which refuses requests beyond 15 minutes`,
      remedy: 'set the clock of this machine: `timedatectl set-ntp true`, or chrony on the node',
    },
  ];
}

/** A lease is renewed at half its time: by then a publish has to be done that lost one PubAck. */
function visibilityFinding(visibilityMs: number, settleMs: number, ackTimeoutMs: number): Finding {
  const took = `a settle takes ${Math.ceil(settleMs)} ms`;
  const neededMs = 2 * (ackTimeoutMs + settleMs);
  const neededSeconds = Math.max(30, Math.ceil(neededMs / 1000) + 1);
  if (visibilityMs < 2 * settleMs)
    return {
      status: 'fail',
      what: `hidden for ${span(visibilityMs)}, while ${took}: messages are handed out again before they are done`,
      remedy: `set VisibilityTimeout of the queue to ${neededSeconds}`,
    };
  if (visibilityMs < neededMs)
    return {
      status: 'warn',
      what: `hidden for ${span(visibilityMs)}; ${took}, and ${span(ackTimeoutMs)} more when a PubAck is lost`,
      remedy: `set VisibilityTimeout of the queue to ${neededSeconds}`,
    };
  if (visibilityMs > longVisibilityMs)
    return {
      status: 'warn',
      what: `hidden for ${span(visibilityMs)}: so long wait the messages of a worker that was killed`,
      remedy: `set VisibilityTimeout of the queue to ${neededSeconds}`,
    };
  return { status: 'pass', what: `hidden for ${span(visibilityMs)}; ${took}` };
}

async function orMnsFailure(
  look: () => Promise<Finding | readonly Finding[]>,
): Promise<Finding | readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof MnsError)) throw error;
    const remedy = remedies.get(error.code) ?? error.advice.replace(/^it is retried[^;]*; /, '');
    return { status: 'fail', what: error.message, remedy };
  }
}

const remedies: ReadonlyMap<string, string> = new Map([
  ['QueueNotExist', 'correct queues[].name, or account and region in queues[].endpoint, or create the queue'],
  ['InvalidAccessKeyId', 'correct credentials.accessKeyId, or activate the key in the RAM console'],
  [
    'SignatureDoesNotMatch',
    'correct credentials.accessKeySecret, and see that queues[].endpoint is of its account',
  ],
  [
    'TimeExpired',
    'set the clock of this machine, which is more than 15 minutes off: `timedatectl set-ntp true`, or chrony on the node',
  ],
  ['InvalidSecurityToken', 'correct credentials.securityToken, or use `oidc_role_arn` or `ecs_ram_role`'],
  ['SecurityTokenExpired', 'renew credentials.securityToken, or use `oidc_role_arn` or `ecs_ram_role`'],
]);
