import type { StreamFacts } from '../nats/facts/streams.js';
import { largestPublicationBytes } from '../nats/publish/largest-publication.js';
import type { Finding } from './check.js';
import { span } from './span.js';

/** A stream as the configuration wants it. */
export interface WantedStream {
  name: string;
  subject: string;
  /** Undefined: for good, one message of each subject. */
  ageMs: number | undefined;
  /** Below this, what waits in the stream is lost. */
  leastAgeMs: number;
  replicas: number;
  /** Whether it has to remember the ids of events. */
  hasIds: boolean;
  /** Whether `run` creates streams, and lengthens windows. */
  isManaged: boolean;
}

/** Most messages of MNS need less. */
const roomBytes = 128 * 1024;

/** The problems of a stream. */
export function streamFindings(stream: StreamFacts, wanted: WantedStream, isClustered: boolean): Finding[] {
  return [...storing(stream, wanted), ...dropping(stream, wanted), ...copies(stream, wanted, isClustered)];
}

/** Whether every subject that `narrow` matches is matched by `wide` as well. */
export function isCovered(narrow: string, wide: string): boolean {
  const inner = narrow.split('.');
  const outer = wide.split('.');
  for (const [place, token] of outer.entries()) {
    const other = inner[place];
    if (other === undefined) return false;
    if (token === '>') return true;
    if (other === '>' || (token !== '*' && token !== other)) return false;
  }
  return inner.length === outer.length;
}

/** Whether what is published is stored, and stays when the server restarts. */
function storing(stream: StreamFacts, { name, subject, replicas }: WantedStream): Finding[] {
  const findings: Finding[] = [];
  const { subjects, refuses, isLimitsRetention, isOnDisk, maxMessageBytes } = stream;
  if (!subjects.some((each) => isCovered(subject, each)))
    findings.push({
      id: 'subjects',
      status: 'fail',
      what: `it takes ${subjects.join(', ') || 'nothing'}, and not ${subject}`,
      remedy: `nats stream edit ${name} --subjects='${subject}'`,
    });
  if (refuses !== undefined)
    findings.push({
      id: 'writable',
      status: 'fail',
      what: {
        'no-ack': 'it is set to no_ack: without a PubAck nothing is ever deleted from MNS',
        sealed: 'it is sealed: nothing can be stored',
        mirror: 'it is a mirror: nothing can be published to it',
      }[refuses],
      remedy:
        refuses === 'no-ack'
          ? `nats stream edit ${name} --ack`
          : `nats stream rm ${name} once it is not needed, or another nats.prefix`,
    });
  if (!isLimitsRetention)
    findings.push({
      id: 'retention-policy',
      status: 'fail',
      what: 'its retention is not `limits`: messages go when one consumer has acked them, or when there is none',
      remedy: createAnew(name, subject, replicas),
    });
  if (!isOnDisk)
    findings.push({
      id: 'storage',
      status: 'fail',
      what: 'it is in memory: a restart of the server loses what MNS has deleted already',
      remedy: createAnew(name, subject, replicas),
    });
  if (maxMessageBytes !== undefined && maxMessageBytes < largestPublicationBytes)
    findings.push({
      id: 'message-size',
      status: 'fail',
      what: `it refuses messages over ${maxMessageBytes} bytes, and what MNS delivers can need ${largestPublicationBytes}`,
      remedy: `nats stream edit ${name} --max-msg-size=-1`,
    });
  return findings;
}

/** Whether messages go before their time, or nothing is stored any more. */
function dropping(stream: StreamFacts, { name, ageMs, leastAgeMs }: WantedStream): Finding[] {
  const findings: Finding[] = [];
  const { dropsOldest, messages, bytes, maxMessages, maxBytes, maxMessagesOfSubject, maxAgeMs } = stream;
  const limits = [
    ...(maxMessages === undefined ? [] : [`${maxMessages} messages`]),
    ...(maxBytes === undefined ? [] : [`${maxBytes} bytes`]),
    ...(maxMessagesOfSubject === undefined || ageMs === undefined
      ? []
      : [`${maxMessagesOfSubject} messages of a subject`]),
  ];
  const filled = [
    ...(maxMessages !== undefined && messages >= maxMessages
      ? [`${messages} of ${maxMessages} messages`]
      : []),
    // One more message has to fit as well.
    ...(maxBytes !== undefined && bytes + roomBytes > maxBytes ? [`${bytes} of ${maxBytes} bytes`] : []),
  ];
  if (!dropsOldest && filled.length > 0)
    findings.push({
      id: 'discard',
      status: 'fail',
      what: `it is full, with ${filled.join(' and ')}, and its discard policy is \`new\`: nothing is stored, and nothing is received`,
      remedy: `nats stream edit ${name} --max-msgs=-1 --max-bytes=-1 --discard=old`,
    });
  else if (!dropsOldest)
    findings.push({
      id: 'discard',
      status: 'warn',
      what: 'its discard policy is `new`: when it is full nothing is stored, and nothing is received',
      remedy: `nats stream edit ${name} --discard=old`,
    });
  else if (limits.length > 0)
    findings.push({
      id: 'limits',
      status: 'warn',
      what: `beyond ${limits.join(', ')} it drops the oldest, read or not`,
      remedy: `nats stream edit ${name} --max-msgs=-1 --max-bytes=-1${ageMs === undefined ? '' : ' --max-msgs-per-subject=-1'}`,
    });
  if (ageMs === undefined && maxMessagesOfSubject !== 1)
    findings.push({
      id: 'permits',
      status: 'fail',
      what: 'it may hold several messages of a subject: more calls than followUp.callsPerSecond could be made',
      remedy: `nats stream edit ${name} --max-msgs-per-subject=1`,
    });
  if (maxAgeMs !== undefined && maxAgeMs < (ageMs ?? Number.POSITIVE_INFINITY)) {
    const wanted = ageMs === undefined ? 'for good' : span(ageMs);
    findings.push({
      id: 'max-age',
      status: maxAgeMs < leastAgeMs ? 'fail' : 'warn',
      what: `it keeps messages for ${span(maxAgeMs)}, the configuration says ${wanted}`,
      remedy: `nats stream edit ${name} --max-age=${ageMs === undefined ? '0s' : span(ageMs)}`,
    });
  }
  return findings;
}

/** Whether a stream remembers ids for as long as MNS can redeliver what was published. */
export function windowFinding(
  { windowMs, maxAgeMs }: StreamFacts,
  { name, isManaged }: WantedStream,
  horizonMs: number,
): Finding {
  if (windowMs >= horizonMs) return { status: 'pass', what: `remembers ids for ${span(windowMs)}` };
  const what = `it remembers ids for ${span(windowMs)}, while MNS may redeliver for ${span(horizonMs)} (dedupe.horizon)`;
  if (isManaged) return { status: 'info', what: `${what}: \`vod-relay run\` lengthens it where it may` };
  const age = maxAgeMs !== undefined && maxAgeMs < horizonMs ? ` --max-age=${span(horizonMs)}` : '';
  const remedy = `nats stream edit ${name} --dupe-window=${span(horizonMs)}${age}`;
  return { status: 'fail', what: `${what}: an event can be stored twice`, remedy };
}

/**
 * The memory that the ids in the window take on the server: 0.28 KiB each, measured. Empty while the stream
 * is too young to tell the rate of events.
 */
export function memoryFindings(stream: StreamFacts): Finding[] {
  const { messages, firstStoredAtMs, lastStoredAtMs, windowMs } = stream;
  const agedMs = (lastStoredAtMs ?? 0) - (firstStoredAtMs ?? 0);
  if (agedMs < rateNeedsMs) return [];
  const ids = Math.round((messages / agedMs) * windowMs);
  const mebibytes = Math.ceil((ids * idKibibytes) / 1024);
  const what = `about ${ids} ids in ${span(windowMs)}: ${mebibytes} MiB of the memory of each server that has a copy`;
  return [{ id: 'dedupe-memory', status: 'info', what }];
}

const rateNeedsMs = 3_600_000;
const idKibibytes = 0.28;

function copies({ replicas, lagging }: StreamFacts, wanted: WantedStream, isClustered: boolean): Finding[] {
  const { name } = wanted;
  const findings: Finding[] = [];
  if (replicas < wanted.replicas)
    findings.push({
      id: 'replicas',
      status: 'warn',
      what: `it has ${replicas} of the ${wanted.replicas} copies of nats.streamReplicas`,
      remedy: isClustered
        ? `nats stream edit ${name} --replicas=${wanted.replicas}`
        : 'nats.streamReplicas: 1, or a cluster of servers: this one is alone',
    });
  else if (replicas === 1 && isClustered)
    findings.push({
      id: 'replicas',
      status: 'warn',
      what: 'it has one copy in a cluster: without that server nothing is stored, and with its disk all is lost',
      remedy: `nats.streamReplicas: 3, and nats stream edit ${name} --replicas=3`,
    });
  if (lagging.length > 0)
    findings.push({
      id: 'replicas',
      status: 'warn',
      what: `these replicas are offline or behind: ${lagging.join(', ')}`,
      remedy: `nats stream cluster ${name}, and see to those servers`,
    });
  return findings;
}

function createAnew(name: string, subject: string, replicas: number): string {
  return `once it is read: nats stream rm ${name} && nats stream add ${name} --subjects='${subject}' --storage=file --retention=limits --replicas=${replicas}`;
}
