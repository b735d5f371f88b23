import type { Config, QueueConfig } from '../config/config.js';
import type { DeadLetterPolicy, QueueAttributes } from '../receive/queue.js';
import type { Finding } from './check.js';
import { span } from './span.js';

const dayMs = 86_400_000;
/** MNS puts no number to the polls that it lets wait; its guidance is one for each consumer. */
const idlePollers = 4;

/** The problems of the settings of a queue, ours and those in MNS. */
export function queueFindings(queue: QueueConfig, attributes: QueueAttributes, config: Config): Finding[] {
  const findings = [...fromAttributes(attributes), ...fromConfig(queue)];
  const { deadLetter } = attributes;
  if (deadLetter !== undefined && deadLetter !== 'none')
    findings.push(...fromDeadLetter(deadLetter, queue, config));
  if (deadLetter === undefined) findings.push(untold(attributes, config));
  return findings;
}

function fromAttributes(attributes: QueueAttributes): Finding[] {
  const { type, retentionMs, visibilityMs, delayMs, maximumMessageBytes } = attributes;
  const findings: Finding[] = [];
  if (type === 'fifo')
    findings.push({
      id: 'type',
      status: 'fail',
      what: 'a FIFO queue: VOD sends no MessageGroupId, so that MNS refuses its events',
      remedy: 'create a standard queue, name it in the event notification of VOD and in queues[].name',
    });
  else if (type !== undefined && type !== 'normal')
    findings.push({
      id: 'type',
      status: 'warn',
      what: 'MNS tells a MessageType that is not that of a standard queue: a FIFO queue refuses the events of VOD',
      remedy:
        'see in the MNS console that it is a standard queue; if not, create one and name it in VOD and in queues[].name',
    });
  if (retentionMs <= visibilityMs)
    findings.push({
      id: 'retention',
      status: 'fail',
      what: `messages are kept for ${span(retentionMs)}, no longer than they are hidden (${span(visibilityMs)})`,
      remedy: 'set MessageRetentionPeriod of the queue to 345600 (4 days)',
    });
  else if (retentionMs < dayMs)
    findings.push({
      id: 'retention',
      status: 'warn',
      what: `messages are kept for ${span(retentionMs)}: a longer outage loses events`,
      remedy: 'set MessageRetentionPeriod of the queue to 345600 (4 days)',
    });
  if (delayMs > 0)
    findings.push({
      id: 'delay',
      status: 'warn',
      what: `every event is hidden for ${span(delayMs)} first`,
      remedy: 'set DelaySeconds of the queue to 0',
    });
  if (maximumMessageBytes !== undefined && maximumMessageBytes < 65_536)
    findings.push({
      id: 'message-size',
      status: 'warn',
      what: `messages over ${maximumMessageBytes} bytes are refused: VOD drops such events`,
      remedy: 'set MaximumMessageSize of the queue to 65536',
    });
  return findings;
}

function fromDeadLetter(
  { queue: target, maxReceiveCount }: DeadLetterPolicy,
  queue: QueueConfig,
  { queues, maxAttempts }: Config,
): Finding[] {
  const findings: Finding[] = [];
  if (maxReceiveCount < maxAttempts)
    findings.push({
      id: 'dead-letter-queue',
      status: 'warn',
      what: `MNS moves a message away after ${maxReceiveCount} receives, before it was tried ${maxAttempts} times`,
      remedy: `set MaxReceiveCount of the queue to ${maxAttempts} or more, or maxAttempts to ${maxReceiveCount}`,
    });
  const configured = queues.find(({ name, endpoint }) => name === target && endpoint === queue.endpoint);
  if (configured?.mode === 'live')
    findings.push({
      id: 'dead-letter-queue',
      status: 'warn',
      what: `its dead-letter queue ${target} is received from as well: what fails there fails again`,
      remedy: `set mode: replay for ${target} in queues`,
    });
  return findings;
}

function untold({ type }: QueueAttributes, { maxAttempts }: Config): Finding {
  const standard = type === undefined ? 'that it is a standard queue, and ' : '';
  return {
    id: type === undefined ? 'type, dead-letter-queue' : 'dead-letter-queue',
    status: 'info',
    what: `MNS does not tell ${type === undefined ? 'the type and ' : ''}the dead-letter policy of a queue here`,
    remedy: `see in the MNS console ${standard}that MaxReceiveCount, if any, is ${maxAttempts} or more`,
  };
}

function fromConfig({ endpoint, allowPlainHttp, vod, mode, receive }: QueueConfig): Finding[] {
  const findings: Finding[] = [];
  if (allowPlainHttp && endpoint.startsWith('http:'))
    findings.push({
      id: 'tls',
      status: 'warn',
      what: 'plain http: events and signatures can be read on the way',
      remedy: `queues[].endpoint: ${endpoint.replace(/^http:/, 'https:')} and queues[].allowPlainHttp: false`,
    });
  const owner = /^https?:\/\/(\d+)\.mns\./.exec(endpoint)?.[1];
  if (owner !== undefined && owner !== vod.account)
    findings.push({
      id: 'account',
      status: 'warn',
      what: `the endpoint is of the account ${owner}, the events are said to be of ${vod.account}`,
      remedy: `queues[].vod.account: '${owner}', or the endpoint of ${vod.account}`,
    });
  if (mode === 'live' && receive.waitMs === 0)
    findings.push({
      id: 'polling',
      status: 'warn',
      what: 'polls do not wait: an empty queue is asked every second, and each call is billed',
      remedy: 'queues[].receive.wait: 20s',
    });
  if (mode === 'live' && receive.pollers.min > idlePollers)
    findings.push({
      id: 'polling',
      status: 'warn',
      what: `${receive.pollers.min} polls wait while the queue is quiet: beyond its cap MNS ends polls at once`,
      remedy: 'queues[].receive.pollers.min: 1',
    });
  return findings;
}
