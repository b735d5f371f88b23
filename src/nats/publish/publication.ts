import { withReplayId, type EventMessage } from '../../event/cloud-event.js';
import type { DeadLetterCode } from '../../event/dead-letter-code.js';
import { deadLetterId, recodedDeadLetterId, replayedEventId } from '../../event/event-id.js';
import {
  checkpointSubject,
  deadLetterSubject,
  doneDeadLetterSubject,
  followUpLetterQueue,
  recodedDeadLetterSubject,
  streamNames,
} from '../../event/layout.js';
import { percentEncode } from '../../event/percent.js';
import type { TraceContext } from '../../event/trace-context.js';
import type { Publication } from './publisher.js';

/** An event as its CloudEvent, for everyone who subscribes, as part of the trace of its message. */
export function eventPublication(prefix: string, event: EventMessage, trace: TraceContext = {}): Publication {
  return {
    subject: event.subject,
    stream: streamNames(prefix).events,
    msgId: event.id,
    body: event.body,
    headers: { 'Content-Type': event.contentType, ...trace },
    ...(event.happenedAtMs !== undefined && { happenedAtMs: event.happenedAtMs }),
  };
}

/** What became of a follow-up, as its CloudEvent. */
export function followUpPublication(
  prefix: string,
  event: EventMessage,
  trace: TraceContext = {},
): Publication {
  return { ...eventPublication(prefix, event, trace), stream: streamNames(prefix).followUps };
}

/** A message that is not published as an event, and why. */
export interface DeadLetter {
  queue: string;
  messageId: string;
  attempt: number;
  enqueuedAtMs: number;
  /** The body as received, byte for byte, unless `form` says otherwise. */
  body: string | Uint8Array;
  /**
   * `xml-text`: the body is XML text, because it holds what XML cannot express. `message-xml`: it is the whole message
   * as XML, because the damage is elsewhere.
   */
  form?: 'xml-text' | 'message-xml' | undefined;
  code: DeadLetterCode;
  /** What is wrong, without quoting the body. */
  reason: string;
  /** Where in the body. */
  at: string;
  trace?: TraceContext;
}

/** A dead letter: the bytes as the message, everything else in its headers. */
export function deadLetterPublication(prefix: string, letter: DeadLetter): Publication {
  const headers = {
    'Dead-Letter-Queue': letter.queue,
    'Dead-Letter-Message-Id': letter.messageId,
    'Dead-Letter-Attempt': String(letter.attempt),
    'Dead-Letter-Enqueue-Time': new Date(letter.enqueuedAtMs).toISOString(),
    'Dead-Letter-Code': letter.code,
    'Dead-Letter-Reason': letter.reason,
    'Dead-Letter-At': letter.at,
    ...(letter.form && { 'Dead-Letter-Body': letter.form }),
    ...letter.trace,
  };
  return {
    subject: deadLetterSubject(prefix, letter.queue, letter.code),
    stream: streamNames(prefix).deadLetters,
    msgId: deadLetterId(letter.queue, letter.messageId, letter.body),
    body: letter.body,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(value)])),
  };
}

/** Which replay sends an event, and for which of its items: a resumed replay knows its own work by these two. */
export interface ReplayMark {
  replayId: string;
  /** Names the item among all items of the replay. */
  item: string;
  /** The trace that the item is part of. */
  trace?: TraceContext;
}

/** The headers that carry a ReplayMark. */
export const replayHeaders = { id: 'Replay-Id', item: 'Replay-Item' } as const;

/** An event that a replay sends. `own`: under an id of the replay's own, and marked in the CloudEvent as well. */
export function replayedEventPublication(
  target: { subject: string; stream: string },
  event: Omit<EventMessage, 'subject'>,
  mark: ReplayMark,
  own: boolean,
): Publication {
  const { replayId } = mark;
  return {
    ...target,
    msgId: own ? replayedEventId(replayId, event.id) : event.id,
    body: own ? withReplayId(event.body, replayId) : event.body,
    headers: { 'Content-Type': event.contentType, ...headersOf(mark) },
  };
}

/** A follow-up that a replay puts before the follow-up half: its event, of the outcome `postponed`. */
export function replayedFollowUpPublication(
  prefix: string,
  event: EventMessage,
  mark: ReplayMark,
): Publication {
  const publication = followUpPublication(prefix, event);
  return { ...publication, headers: { ...publication.headers, ...headersOf(mark) } };
}

function headersOf({ replayId, item, trace }: ReplayMark): Record<string, string> {
  return { ...trace, [replayHeaders.id]: replayId, [replayHeaders.item]: item };
}

/** The state of a replay, which takes the place of the one before. `msgId` is another for each write. */
export function checkpointPublication(
  prefix: string,
  replayId: string,
  msgId: string,
  body: string,
): Publication {
  return {
    subject: checkpointSubject(prefix, replayId),
    stream: streamNames(prefix).replays,
    msgId,
    body,
    headers: { 'Content-Type': 'application/json', 'Nats-Rollup': 'sub' },
  };
}

/** A dead letter as it is stored. */
interface KeptDeadLetter {
  /** Its sequence number in the stream. */
  id: number;
  subject: string;
  /** When it became one; its copies keep the time. */
  timeMs: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** The copy of a dead letter whose event is published: no longer among the open ones. `at` is an ISO time. */
export function doneDeadLetterPublication(
  prefix: string,
  letter: KeptDeadLetter,
  done: { at: string; eventId: string; replayId: string },
): Publication {
  return {
    subject: doneDeadLetterSubject(letter.subject),
    stream: streamNames(prefix).deadLetters,
    msgId: `${messageIdOf(letter)}-done`,
    body: letter.body,
    headers: {
      ...ownHeaders(letter),
      'Dead-Letter-Done': done.at,
      'Dead-Letter-Event-Id': done.eventId,
      'Dead-Letter-Replay': done.replayId,
    },
  };
}

/** The copy of a dead letter that is one for another reason than before; the first reason stays with it. */
export function recodedDeadLetterPublication(
  prefix: string,
  letter: KeptDeadLetter,
  { code, reason, at }: Pick<DeadLetter, 'code' | 'reason' | 'at'>,
): Publication {
  const { headers } = letter;
  return {
    subject: recodedDeadLetterSubject(letter.subject, code),
    stream: streamNames(prefix).deadLetters,
    msgId: recodedDeadLetterId(messageIdOf(letter), code, reason),
    body: letter.body,
    headers: {
      'Dead-Letter-First-Code': headers['Dead-Letter-Code'] ?? '',
      'Dead-Letter-First-Reason': headers['Dead-Letter-Reason'] ?? '',
      ...ownHeaders(letter),
      'Dead-Letter-Code': code,
      'Dead-Letter-Reason': headerText(reason),
      'Dead-Letter-At': headerText(at),
    },
  };
}

/** Where whoever stored it gave none, one by its place: its copies must not be taken for those of another. */
function messageIdOf({ id, headers }: KeptDeadLetter): string {
  return headers['Nats-Msg-Id'] || `dead-letter-${id}`;
}

/** Without those of JetStream, which speak of one publish only. */
function ownHeaders({ headers, timeMs }: KeptDeadLetter): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('Nats-'));
  return { ...Object.fromEntries(own), 'Dead-Letter-Time': new Date(timeMs).toISOString() };
}

/** NATS headers are lines: what could end one, or is not ASCII, is percent-encoded. */
function headerText(text: string): string {
  return percentEncode(text, /[^ -~]/gu);
}

/** What the follow-up half gives up on: a follow-up that has failed for good, with all that a replay of it needs, or what it cannot read. */
export function followUpLetterPublication(
  prefix: string,
  letter: Pick<DeadLetter, 'messageId' | 'attempt' | 'enqueuedAtMs' | 'body' | 'code' | 'reason' | 'trace'>,
): Publication {
  return deadLetterPublication(prefix, { ...letter, queue: followUpLetterQueue, at: '' });
}
