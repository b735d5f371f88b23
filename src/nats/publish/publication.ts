import { withReplayId, type EventMessage } from '../../event/cloud-event.js';
import {
  deadLetterHeaders,
  doneDeadLetterHeaders,
  recodedDeadLetterHeaders,
  type DeadLetter,
  type KeptDeadLetter,
} from '../../event/dead-letter.js';
import { deadLetterId, recodedDeadLetterId, replayedEventId } from '../../event/event-id.js';
import {
  checkpointSubject,
  deadLetterSubject,
  doneDeadLetterSubject,
  followUpLetterQueue,
  recodedDeadLetterSubject,
  streamNames,
} from '../../event/layout.js';
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

/** The outcome of a follow-up, as its CloudEvent. */
export function followUpPublication(
  prefix: string,
  event: EventMessage,
  trace: TraceContext = {},
): Publication {
  return { ...eventPublication(prefix, event, trace), stream: streamNames(prefix).followUps };
}

/** A dead letter: the bytes as the message, everything else in its headers. */
export function deadLetterPublication(prefix: string, letter: DeadLetter): Publication {
  return {
    subject: deadLetterSubject(prefix, letter.queue, letter.code),
    stream: streamNames(prefix).deadLetters,
    msgId: deadLetterId(letter.queue, letter.messageId, letter.body),
    body: letter.body,
    headers: deadLetterHeaders(letter),
  };
}

/**
 * Which replay sends an event, and for which of its items: a resumed replay knows its own work by these two.
 */
export interface ReplayMark {
  replayId: string;
  /** Names the item among all items of the replay. */
  item: string;
  /** The trace that the item is part of. */
  trace?: TraceContext;
}

/** The headers that carry a ReplayMark. */
export const replayHeaders = { id: 'Replay-Id', item: 'Replay-Item' } as const;

/**
 * An event that a replay sends. `own`: under an id of the replay's own, and marked in the CloudEvent as well.
 */
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
interface StoredLetter extends KeptDeadLetter {
  /** Its sequence number in the stream. */
  readonly id: number;
  readonly subject: string;
  readonly body: Uint8Array;
}

/** The copy of a dead letter whose event is published: no longer among the open ones. `at` is an ISO time. */
export function doneDeadLetterPublication(
  prefix: string,
  letter: StoredLetter,
  done: { at: string; eventId: string; replayId: string },
): Publication {
  return {
    subject: doneDeadLetterSubject(letter.subject),
    stream: streamNames(prefix).deadLetters,
    msgId: `${messageIdOf(letter)}-done`,
    body: letter.body,
    headers: doneDeadLetterHeaders(letter, done),
  };
}

/** The copy of a dead letter that is one for another reason than before; the first reason stays with it. */
export function recodedDeadLetterPublication(
  prefix: string,
  letter: StoredLetter,
  verdict: Pick<DeadLetter, 'code' | 'reason' | 'at'>,
): Publication {
  const { code, reason } = verdict;
  return {
    subject: recodedDeadLetterSubject(letter.subject, code),
    stream: streamNames(prefix).deadLetters,
    msgId: recodedDeadLetterId(messageIdOf(letter), code, reason),
    body: letter.body,
    headers: recodedDeadLetterHeaders(letter, verdict),
  };
}

/** Where whoever stored it gave none, one by its place: its copies must not be taken for those of another. */
function messageIdOf({ id, headers }: StoredLetter): string {
  return headers['Nats-Msg-Id'] || `dead-letter-${id}`;
}

/**
 * A dead letter of the follow-up half: a follow-up that failed for good, with all that its replay needs, or
 * an unreadable job.
 */
export function followUpLetterPublication(
  prefix: string,
  letter: Pick<DeadLetter, 'messageId' | 'attempt' | 'enqueuedAtMs' | 'body' | 'code' | 'reason' | 'trace'>,
): Publication {
  return deadLetterPublication(prefix, { ...letter, queue: followUpLetterQueue, at: '' });
}
