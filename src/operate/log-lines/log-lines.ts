import type { Logger } from '../log.js';
import { followUpLines } from './follow-up-lines.js';
import type { LineSpec } from './line.js';
import { natsLines } from './nats-lines.js';
import { queueLines } from './queue-lines.js';
import { workerLines } from './worker-lines.js';

/** Every line that the log can hold, by its part. docs/reference/log-lines.md is generated from it. */
export const logLineParts = {
  'Worker and commands': workerLines,
  'Queues and messages': queueLines,
  NATS: natsLines,
  'Follow-up': followUpLines,
} as const;

/** The same by name. */
export const logLines = { ...workerLines, ...queueLines, ...natsLines, ...followUpLines };

export type LineName = keyof typeof logLines;

/** A key that the line does not list has no type: the compiler refuses it. */
type Listed<Facts, Name extends LineName> = {
  [Key in keyof Facts]: Key extends (typeof logLines)[Name]['fields'][number] | 'advice' | 'count'
    ? unknown
    : never;
};

/** Writes a line by its name, with the facts of this occurrence. */
export type Say = <Name extends LineName, Facts extends object>(
  name: Name,
  facts: Facts & Listed<Facts, Name>,
) => void;

export function createSay(log: Logger): Say {
  return (name, facts) => {
    const { level, message, advice }: LineSpec = logLines[name];
    if (!log.isLevelEnabled(level)) return;
    const line: Record<string, unknown> = { ...facts };
    line['advice'] ??= advice;
    log[level](line, message);
  };
}
