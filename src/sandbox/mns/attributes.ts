import { childText, type XmlElement } from './xml-in.js';
import { line, type WireString } from './xml-out.js';
import { MnsFailure, numberInRange } from './errors.js';
import type { QueueSpec } from '../control/types.js';

/** The attributes of a queue; times in milliseconds, though the wire has seconds. */
export interface QueueAttributes {
  visibilityMs: number;
  retentionMs: number;
  delayMs: number;
  pollingWaitMs: number;
  maximumMessageBytes: number;
  loggingEnabled: boolean;
  type: 'normal' | 'fifo';
  tellsPolicies: boolean;
}

/** The defaults of a queue: "CreateQueue" of the API reference. */
const defaultAttributes: QueueAttributes = {
  visibilityMs: 30_000,
  retentionMs: 345_600_000,
  delayMs: 0,
  pollingWaitMs: 0,
  maximumMessageBytes: 65_536,
  loggingEnabled: false,
  type: 'normal',
  tellsPolicies: false,
};

/** Longest visibility timeout, of a queue and of ChangeMessageVisibility. */
export const maximumVisibilitySeconds = 43_200;
/** Longest delay of a message. */
export const maximumDelaySeconds = 604_800;
/** Longest wait of a poll. */
export const maximumWaitSeconds = 30;

/** `base` with what the control call says; its values are not checked against the limits of MNS. */
export function attributesFromSpec(spec: QueueSpec, base = defaultAttributes): QueueAttributes {
  return {
    visibilityMs: spec.visibilityMs ?? base.visibilityMs,
    retentionMs: spec.retentionMs ?? base.retentionMs,
    delayMs: spec.delayMs ?? base.delayMs,
    pollingWaitMs: spec.pollingWaitMs ?? base.pollingWaitMs,
    maximumMessageBytes: spec.maximumMessageBytes ?? base.maximumMessageBytes,
    loggingEnabled: spec.loggingEnabled ?? base.loggingEnabled,
    type: spec.type ?? base.type,
    tellsPolicies: spec.tellsPolicies ?? base.tellsPolicies,
  };
}

/**
 * `base` with what a `<Queue>` request says.
 * @throws MnsFailure InvalidArgument for a value outside its documented range.
 */
export function attributesFromXml(
  element: XmlElement | undefined,
  base = defaultAttributes,
): QueueAttributes {
  if (element === undefined) return base;
  if (element.name !== 'Queue') throw new MnsFailure('MalformedXML');
  const seconds = (name: string, low: number, high: number): number | undefined => {
    const text = childText(element, name);
    return text === undefined ? undefined : numberInRange(name, text, low, high, ' seconds') * 1000;
  };
  const size = childText(element, 'MaximumMessageSize');
  const logging = childText(element, 'LoggingEnabled');
  return {
    ...base,
    visibilityMs: seconds('VisibilityTimeout', 1, maximumVisibilitySeconds) ?? base.visibilityMs,
    retentionMs: seconds('MessageRetentionPeriod', 60, 604_800) ?? base.retentionMs,
    delayMs: seconds('DelaySeconds', 0, maximumDelaySeconds) ?? base.delayMs,
    pollingWaitMs: seconds('PollingWaitSeconds', 0, maximumWaitSeconds) ?? base.pollingWaitMs,
    maximumMessageBytes:
      size === undefined
        ? base.maximumMessageBytes
        : numberInRange('MaximumMessageSize', size, 1024, 65_536, ' bytes'),
    loggingEnabled: logging === undefined ? base.loggingEnabled : /^true$/i.test(logging),
  };
}

/** Whether CreateQueue with `b` finds the queue it wants in one that has `a`. */
export function sameAttributes(a: QueueAttributes, b: QueueAttributes): boolean {
  return (
    a.visibilityMs === b.visibilityMs &&
    a.retentionMs === b.retentionMs &&
    a.delayMs === b.delayMs &&
    a.pollingWaitMs === b.pollingWaitMs &&
    a.maximumMessageBytes === b.maximumMessageBytes &&
    a.loggingEnabled === b.loggingEnabled
  );
}

/** The input of `attributeLines` besides the attributes of a queue. */
export interface QueueFacts {
  name: string;
  attributes: QueueAttributes;
  createdMs: number;
  modifiedMs: number;
  active: number;
  inactive: number;
  delayed: number;
  deadLetter: QueueSpec['deadLetter'];
}

/**
 * The children of a `<Queue>` answer. Creation and change are epoch seconds here, unlike all message times.
 */
export function attributeLines(depth: number, queue: QueueFacts): WireString {
  const { attributes } = queue;
  const seconds = (ms: number): number => Math.ceil(ms / 1000);
  // In no order to rely on: the documented one is not that of the service. MessageType of a FIFO queue is a
  // guess.
  return (
    line(depth, 'ActiveMessages', queue.active) +
    line(depth, 'CreateTime', Math.floor(queue.createdMs / 1000)) +
    line(depth, 'DelayMessages', queue.delayed) +
    line(depth, 'DelaySeconds', seconds(attributes.delayMs)) +
    line(depth, 'EnableSSE', 'False') +
    line(depth, 'InactiveMessages', queue.inactive) +
    line(depth, 'LastModifyTime', Math.floor(queue.modifiedMs / 1000)) +
    line(depth, 'LoggingEnabled', attributes.loggingEnabled ? 'True' : 'False') +
    line(depth, 'MaximumMessageSize', attributes.maximumMessageBytes) +
    line(depth, 'MessageRetentionPeriod', seconds(attributes.retentionMs)) +
    line(depth, 'MessageType', attributes.type === 'normal' ? 0 : 1) +
    line(depth, 'PollingWaitSeconds', seconds(attributes.pollingWaitMs)) +
    line(depth, 'QueueName', queue.name) +
    line(depth, 'VisibilityTimeout', seconds(attributes.visibilityMs)) +
    (attributes.tellsPolicies ? policyLines(depth, queue) : '')
  );
}

function policyLines(depth: number, { attributes, deadLetter }: QueueFacts): WireString {
  const lines =
    deadLetter === undefined
      ? line(depth + 1, 'Enabled', 'false')
      : line(depth + 1, 'Enabled', 'true') +
        line(depth + 1, 'DeadLetterTargetQueue', deadLetter.queue) +
        line(depth + 1, 'MaxReceiveCount', deadLetter.maxReceiveCount);
  return line(depth, 'QueueType', attributes.type) + line(depth, 'DlqPolicy', `\n${lines}`);
}
