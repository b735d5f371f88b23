/** The headers of a dead letter, written and read: everything of it but the bytes, which are the message. */
import type { DeadLetterCode } from './dead-letter-code.js';
import { isInstant } from './instant.js';
import { percentEncode } from './percent.js';
import type { TraceContext } from './trace-context.js';

/** A message that is not published as an event, and why. */
export interface DeadLetter {
  queue: string;
  messageId: string;
  attempt: number;
  enqueuedAtMs: number;
  /** The body as received, byte for byte, unless `form` says otherwise. */
  body: string | Uint8Array;
  /**
   * `xml-text`: the body is XML text, because it holds what XML cannot express. `message-xml`: it is the
   * whole message as XML, because the damage is elsewhere.
   */
  form?: 'xml-text' | 'message-xml' | undefined;
  code: DeadLetterCode;
  /** The fault, without quoting the body. */
  reason: string;
  /** Where in the body. */
  at: string;
  trace?: TraceContext;
}

/** A stored dead letter, as its headers tell. Texts of a message that is no dead letter of ours are empty. */
export interface DeadLetterFacts {
  /** When it became a dead letter, epoch milliseconds; a copy under another reason keeps the first time. */
  readonly timeMs: number;
  readonly queue: string;
  readonly messageId: string;
  readonly attempt: number;
  /** Epoch milliseconds; NaN when the header is not a time. */
  readonly enqueuedAtMs: number;
  readonly code: string;
  readonly reason: string;
  /** Where in the body. */
  readonly at: string;
  /** As in DeadLetter; empty for a body as received. */
  readonly form: string;
  /** Present once a replay has published its event. */
  readonly done?: { readonly at: string; readonly eventId: string | undefined };
}

export type DeadLetterHeaders = Readonly<Record<string, string>>;

const names = {
  queue: 'Dead-Letter-Queue',
  messageId: 'Dead-Letter-Message-Id',
  attempt: 'Dead-Letter-Attempt',
  enqueueTime: 'Dead-Letter-Enqueue-Time',
  code: 'Dead-Letter-Code',
  reason: 'Dead-Letter-Reason',
  at: 'Dead-Letter-At',
  form: 'Dead-Letter-Body',
  /** Of a copy: when the first of its kind became a dead letter, and why. */
  time: 'Dead-Letter-Time',
  firstCode: 'Dead-Letter-First-Code',
  firstReason: 'Dead-Letter-First-Reason',
  doneAt: 'Dead-Letter-Done',
  eventId: 'Dead-Letter-Event-Id',
  replayId: 'Dead-Letter-Replay',
} as const;

/** The header of a copy that says when the first of its kind became a dead letter, as an ISO time. */
export const deadLetterTimeHeader = names.time;

/** The headers of a new dead letter. */
export function deadLetterHeaders(letter: DeadLetter): Record<string, string> {
  const headers = {
    [names.queue]: letter.queue,
    [names.messageId]: letter.messageId,
    [names.attempt]: String(letter.attempt),
    [names.enqueueTime]: new Date(letter.enqueuedAtMs).toISOString(),
    [names.code]: letter.code,
    [names.reason]: letter.reason,
    [names.at]: letter.at,
    ...(letter.form && { [names.form]: letter.form }),
    ...letter.trace,
  };
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(value)]));
}

/**
 * Reads the headers of a stored dead letter. Texts stay as they are in the headers, where all but printable
 * ASCII is percent-encoded.
 */
export function readDeadLetterHeaders(headers: DeadLetterHeaders, storedAtMs: number): DeadLetterFacts {
  const header = (name: keyof typeof names): string => headers[names[name]] ?? '';
  const firstTimeMs = timeOf(header('time'));
  const doneAt = headers[names.doneAt];
  return {
    timeMs: Number.isNaN(firstTimeMs) ? storedAtMs : firstTimeMs,
    queue: header('queue'),
    messageId: header('messageId'),
    attempt: countOf(header('attempt')),
    enqueuedAtMs: timeOf(header('enqueueTime')),
    code: header('code'),
    reason: header('reason'),
    at: header('at'),
    form: header('form'),
    ...(doneAt !== undefined && { done: { at: doneAt, eventId: headers[names.eventId] } }),
  };
}

/** 0 for a text that is no count, or a larger one than any message has. */
function countOf(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
}

/** Epoch milliseconds; NaN for what is no time as `toISOString` writes those of four-digit years. */
function timeOf(text: string): number {
  return isInstant(text) ? Date.parse(text) : Number.NaN;
}

/** A stored dead letter of which a copy is to be kept. */
export interface KeptDeadLetter {
  /** Copies keep the time at which the first became a dead letter. */
  readonly timeMs: number;
  readonly headers: DeadLetterHeaders;
}

/** The headers of the copy of a dead letter whose event is published. `at` is an ISO time. */
export function doneDeadLetterHeaders(
  letter: KeptDeadLetter,
  done: { at: string; eventId: string; replayId: string },
): Record<string, string> {
  return {
    ...ownHeaders(letter),
    [names.doneAt]: done.at,
    [names.eventId]: done.eventId,
    [names.replayId]: done.replayId,
  };
}

/**
 * The headers of the copy of a dead letter that is one for another reason than before; the first reason is
 * kept.
 */
export function recodedDeadLetterHeaders(
  letter: KeptDeadLetter,
  { code, reason, at }: Pick<DeadLetter, 'code' | 'reason' | 'at'>,
): Record<string, string> {
  const { headers } = letter;
  return {
    [names.firstCode]: headers[names.code] ?? '',
    [names.firstReason]: headers[names.reason] ?? '',
    ...ownHeaders(letter),
    [names.code]: code,
    [names.reason]: headerText(reason),
    [names.at]: headerText(at),
  };
}

/** Whether two dead letters have one code and one reason. */
export function haveSameReason(one: DeadLetterHeaders, other: DeadLetterHeaders): boolean {
  return [names.code, names.reason].every((name) => one[name] === other[name]);
}

/** Without those of JetStream, which speak of one publish only. */
function ownHeaders({ headers, timeMs }: KeptDeadLetter): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('Nats-'));
  return { ...Object.fromEntries(own), [names.time]: new Date(timeMs).toISOString() };
}

/** NATS headers are lines: what could end one, or is not ASCII, is percent-encoded. */
function headerText(text: string): string {
  return percentEncode(text, /[^ -~]/gu);
}
