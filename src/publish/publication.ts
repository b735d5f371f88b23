import type { EventMessage } from '../event/cloud-event.js';
import type { DeadLetterCode } from '../event/dead-letter-code.js';
import { deadLetterId } from '../event/event-id.js';
import { percentEncode } from '../event/percent.js';
import { deadLetterSubject } from '../event/subject.js';
import type { Publication } from './publisher.js';
import { streamNames } from './topology.js';

/** An event as its CloudEvent, for everyone who subscribes. */
export function eventPublication(prefix: string, event: EventMessage): Publication {
  return {
    subject: event.subject,
    stream: streamNames(prefix).events,
    msgId: event.id,
    body: event.body,
    headers: { 'Content-Type': event.contentType },
  };
}

/** What became of a follow-up, as its CloudEvent. */
export function followUpPublication(prefix: string, event: EventMessage): Publication {
  return { ...eventPublication(prefix, event), stream: streamNames(prefix).followUps };
}

/** A message that is not published as an event, and why. */
export interface DeadLetter {
  queue: string;
  messageId: string;
  attempt: number;
  enqueuedAtMs: number;
  /** The body as received, byte for byte. */
  body: string | Uint8Array;
  /** The body is XML text, because it holds what XML cannot express. */
  isXmlText: boolean;
  code: DeadLetterCode;
  /** What is wrong, without quoting the body. */
  reason: string;
  /** Where in the body. */
  at: string;
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
    ...(letter.isXmlText && { 'Dead-Letter-Body': 'xml-text' }),
  };
  return {
    subject: deadLetterSubject(prefix, letter.queue, letter.code),
    stream: streamNames(prefix).deadLetters,
    msgId: deadLetterId(letter.queue, letter.messageId, letter.body),
    body: letter.body,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(value)])),
  };
}

/** NATS headers are lines: what could end one, or is not ASCII, is percent-encoded. */
function headerText(text: string): string {
  return percentEncode(text, /[^ -~]/gu);
}

/** A follow-up that has failed for good, with all that a replay of it needs. */
export function followUpLetterPublication(
  prefix: string,
  letter: Pick<DeadLetter, 'messageId' | 'attempt' | 'enqueuedAtMs' | 'body' | 'reason'>,
): Publication {
  const code = 'follow-up-failed';
  return deadLetterPublication(prefix, { ...letter, queue: 'follow-up', isXmlText: false, code, at: '' });
}
