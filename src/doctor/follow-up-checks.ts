import type { ConsumerFacts } from '../nats/facts/streams.js';
import type { Check, Finding } from './check.js';
import { orNatsFault, type NatsChecks } from './nats-checks.js';
import type { StreamCheck } from './stream-checks.js';

/** A durable consumer as `run` needs it. */
export interface WantedConsumer {
  stream: string;
  durable: string;
  filterSubject: string;
  /** Whether `run` creates and changes consumers. */
  isManaged: boolean;
  /** Whether replicas wait on it all the time. */
  isAlwaysRead: boolean;
}

export interface ConsumerCheck {
  wanted: WantedConsumer;
  check: Check;
  /** Undefined when there is none. */
  consumer: () => Promise<ConsumerFacts | undefined>;
}

/** The check of one consumer, and with it whether any replica has the role that reads from it. */
export function consumerCheck(wanted: WantedConsumer, stream: StreamCheck, nats: NatsChecks): ConsumerCheck {
  const { durable } = wanted;
  let found: Promise<ConsumerFacts | undefined> | undefined;
  const consumer = (): Promise<ConsumerFacts | undefined> =>
    (found ??= nats.facts().consumer(wanted.stream, durable));
  const check: Check = {
    area: `consumer ${durable}`,
    id: 'consumer',
    needs: [nats.jetStream],
    run: async () =>
      await orNatsFault(async () => {
        const is = await consumer();
        return is ? consumerFindings(is, wanted) : await absentFinding(wanted, stream, nats);
      }),
  };
  return { wanted, check, consumer };
}

/** The problems of a consumer; one row that all is well when there are none. */
export function consumerFindings(is: ConsumerFacts, wanted: WantedConsumer): Finding[] {
  const { stream, durable, filterSubject, isManaged, isAlwaysRead } = wanted;
  const findings: Finding[] = [];
  const differences = [
    ...(is.filterSubject === filterSubject ? [] : [`filters ${is.filterSubject ?? 'nothing'}`]),
    ...(is.isExplicitAck ? [] : ['needs no explicit ack']),
    ...(is.maxDeliver === undefined ? [] : [`gives a message up after ${is.maxDeliver} deliveries`]),
    ...(is.hasBackoff ? ['has a backoff of its own'] : []),
  ];
  if (differences.length > 0)
    findings.push({
      id: 'settings',
      status: isManaged && is.isExplicitAck ? 'warn' : 'fail',
      what: `it ${differences.join(', ')}`,
      remedy:
        isManaged && is.isExplicitAck
          ? 'restart `vod-relay run`, which sets it right'
          : `nats consumer rm ${stream} ${durable}, then ${createCommand(wanted)}`,
    });
  if (is.isPaused)
    findings.push({
      id: 'paused',
      status: 'warn',
      what: 'it is paused: nothing is followed up',
      remedy: `nats consumer resume ${stream} ${durable}`,
    });
  else if (isAlwaysRead && is.pending > 0 && is.waiting === 0 && is.underWay === 0)
    findings.push({
      id: 'role',
      status: 'warn',
      what: `${is.pending} messages wait, and no replica reads: none has the follow-up role`,
      remedy: 'start `vod-relay run --role follow-up`, or `--role both`',
    });
  if (findings.length > 0) return findings;
  const readers = is.waiting === 1 ? '1 replica reads' : `${is.waiting} replicas read`;
  const what = isAlwaysRead ? `${is.pending} to be handed out; ${readers} from it` : 'as it has to be';
  return [{ status: 'pass', what }];
}

async function absentFinding(
  wanted: WantedConsumer,
  stream: StreamCheck,
  nats: NatsChecks,
): Promise<Finding | readonly Finding[]> {
  const is = await stream.stream();
  if (!is && wanted.isManaged)
    return { status: 'info', what: 'there is none yet: `vod-relay run` creates it' };
  if (!wanted.isManaged)
    return {
      status: 'fail',
      what: 'there is none, and nats.manageStreams is false',
      remedy: createCommand(wanted),
    };
  const account = await nats
    .facts()
    .account()
    .catch(() => undefined);
  const most = account?.maxConsumersOfStream;
  if (most !== undefined && (is?.consumers ?? 0) >= most)
    return {
      status: 'fail',
      what: `there is none, and the stream ${wanted.stream} has all the consumers that the account allows (${most})`,
      remedy: 'raise max_consumers of the account',
    };
  return { status: 'info', what: 'there is none yet: `vod-relay run` creates it' };
}

function createCommand({ stream, durable, filterSubject }: WantedConsumer): string {
  return `nats consumer add ${stream} ${durable} --pull --deliver=all --ack=explicit --filter='${filterSubject}' --max-deliver=-1`;
}

/** Whether the stream of permits has as many for an account as this configuration allows calls a second. */
export function permitsCheck(
  { account, filter, perSecond }: { account: string; filter: string; perSecond: number },
  stream: StreamCheck,
  { facts, jetStream }: NatsChecks,
): Check {
  return {
    area: `permits of ${account}`,
    id: 'calls-per-second',
    needs: [jetStream],
    run: async () =>
      await orNatsFault(async () => {
        const held = (await facts().stream(stream.wanted.name, filter))?.matching ?? 0;
        if (held === 0) return { status: 'info', what: 'there are none yet: the first call makes them' };
        if (held === perSecond)
          return { status: 'pass', what: `${held} calls a second, all replicas together` };
        return {
          status: 'warn',
          what: `there are ${held}, and followUp.callsPerSecond is ${perSecond}: replicas differ, or have not started since`,
          remedy: `followUp.callsPerSecond: ${perSecond} for every replica, then restart them`,
        };
      }),
  };
}
