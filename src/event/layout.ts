/**
 * Every name that NATS sees: subjects, streams, durable consumers and their filters. No other file writes
 * one. The prefix is used as it is: the configuration has checked it.
 */
import type { DeadLetterCode } from './dead-letter-code.js';
import { deleteMediaComplete } from './delete-media-complete.js';
import type { FollowUpOutcome } from './follow-up.js';
import { subjectToken } from './subject-token.js';
import { nativeTypeOf } from './native-events.js';
import { eventTypeOf, type VodEvent } from './vod-event.js';

/** The first token of every subject, unless the configuration names another. */
export const defaultSubjectPrefix = 'vod';

/** The streams, each with what its name ends in. */
const streamSuffixes = {
  events: 'EVENTS',
  deadLetters: 'DEAD_LETTERS',
  /** The outcomes of follow-ups, and those that are postponed. */
  followUps: 'FOLLOW_UPS',
  /** The right to call VOD. */
  permits: 'PERMITS',
  /** The checkpoints of replays, and what they send to a subject of their own. */
  replays: 'REPLAYS',
} as const;

export type StreamKind = keyof typeof streamSuffixes;
export type StreamNames = Readonly<Record<StreamKind, string>>;

/** The kinds of subjects: the token after the prefix, and the stream that stores them, if one does. */
const subjectKinds = {
  event: { token: 'event', stream: 'events' },
  deadLetter: { token: 'dead-letter', stream: 'deadLetters' },
  followUp: { token: 'follow-up', stream: 'followUps' },
  permit: { token: 'permit', stream: 'permits' },
  permitRefused: { token: 'permit-refused', stream: undefined },
  replay: { token: 'replay', stream: 'replays' },
  checkpoint: { token: 'replay-checkpoint', stream: 'replays' },
} as const satisfies Record<string, { token: string; stream: StreamKind | undefined }>;

type SubjectKind = keyof typeof subjectKinds;

const kinds = Object.keys(subjectKinds) as SubjectKind[];

/** `vod` → `VOD_EVENTS`, `VOD_DEAD_LETTERS`, `VOD_FOLLOW_UPS`, `VOD_PERMITS`, `VOD_REPLAYS`. */
export function streamNames(prefix: string): StreamNames {
  const base = prefix.toUpperCase().replaceAll('.', '_');
  return mapValues(streamSuffixes, (suffix) => `${base}_${suffix}`);
}

/** The kind of a stream by its name, whatever the prefix. */
export function streamKindOf(name: string): StreamKind | undefined {
  const ofName = ([, suffix]: [string, string]): boolean => name.endsWith(`_${suffix}`);
  return Object.entries(streamSuffixes).find(ofName)?.[0] as StreamKind | undefined;
}

/** The beginning of all subjects of a kind, without the dot that follows: `vod.event`. */
export function subjectRoots(prefix: string): Readonly<Record<SubjectKind, string>> {
  return mapValues(subjectKinds, ({ token }) => `${prefix}.${token}`);
}

/** The subjects that a stream stores, with wildcards. */
export function streamSubjects(prefix: string, stream: StreamKind): string[] {
  const roots = subjectRoots(prefix);
  return kinds.filter((kind) => subjectKinds[kind].stream === stream).map((kind) => `${roots[kind]}.>`);
}

/** The prefixes that a replay must not send to: every root but that of the replays themselves. */
export function reservedRoots(prefix: string): string[] {
  const roots = subjectRoots(prefix);
  return kinds.filter((kind) => kind !== 'replay').map((kind) => roots[kind]);
}

/** A subject under one prefix, under another. */
export function underPrefix(subject: string, from: string, to: string): string {
  return to + subject.slice(from.length);
}

/**
 * Where an event is published:
 * `<prefix>.event.DeleteMediaComplete.<status>.<mediaType>.<deleteType>.<mediaId>`, or for a foreign event
 * `<prefix>.event.<EventType>[.<mediaId>]`.
 */
export function eventSubject(prefix: string, event: VodEvent): string {
  const tokens =
    event.kind === 'foreign'
      ? [event.mediaId].filter((id) => id !== undefined)
      : nativeTypeOf(event).subjectTokens(event);
  return [subjectRoots(prefix).event, ...[eventTypeOf(event), ...tokens].map(subjectToken)].join('.');
}

/** Where a dead letter is published: `<prefix>.dead-letter.<queue>.<code>`. */
export function deadLetterSubject(prefix: string, queue: string, code: DeadLetterCode): string {
  return `${subjectRoots(prefix).deadLetter}.${subjectToken(queue)}.${code}`;
}

/** In place of a queue, for what the follow-up half gives up on. */
export const followUpLetterQueue = 'follow-up';

/** The subject of a dead letter under another code. */
export function recodedDeadLetterSubject(subject: string, code: DeadLetterCode): string {
  return `${subject.slice(0, subject.lastIndexOf('.'))}.${code}`;
}

/** The subject of a dead letter whose event is published now. */
export function doneDeadLetterSubject(subject: string): string {
  return `${subject}.done`;
}

/** The open dead letters, or those that are done, of one queue and code or of all. */
export function deadLetterFilter(
  prefix: string,
  { queue, code, done }: { queue?: string | undefined; code?: string | undefined; done: boolean },
): string {
  const [queueToken, codeToken] = [queue, code].map((text) =>
    text === undefined ? '*' : subjectToken(text),
  );
  const open = `${subjectRoots(prefix).deadLetter}.${queueToken}.${codeToken}`;
  return done ? doneDeadLetterSubject(open) : open;
}

/** Where the outcome of a follow-up is published: `<prefix>.follow-up.<outcome>.<mediaId>`. */
export function followUpSubject(prefix: string, outcome: FollowUpOutcome, mediaId: string): string {
  return `${followUpRoot(prefix, outcome)}.${subjectToken(mediaId)}`;
}

/** The beginning of the subjects of one outcome. */
export function followUpRoot(prefix: string, outcome: FollowUpOutcome): string {
  return `${subjectRoots(prefix).followUp}.${outcome}`;
}

/** One of the permits of an account, counted from 1: `<prefix>.permit.<account>.<n>`. */
export function permitSubject(prefix: string, account: string, permit: number | '*'): string {
  return `${subjectRoots(prefix).permit}.${subjectToken(account)}.${permit}`;
}

/** Which permit of its account a subject is of; NaN when it is none. */
export function permitOfSubject(subject: string): number {
  return Number(subject.slice(subject.lastIndexOf('.') + 1));
}

/**
 * Where replicas tell each other of a refusal for the quota: `<prefix>.permit-refused.<account>`, which no
 * stream keeps.
 */
export function permitRefusedSubject(prefix: string, account: string): string {
  return `${subjectRoots(prefix).permitRefused}.${subjectToken(account)}`;
}

/** Where the checkpoint of a replay is kept: `<prefix>.replay-checkpoint.<replayId>`. */
export function checkpointSubject(prefix: string, replayId: string): string {
  return `${subjectRoots(prefix).checkpoint}.${replayId}`;
}

/** A durable consumer: its stream, its name and what it reads of the stream. */
export interface ConsumerName {
  readonly stream: StreamKind;
  readonly durable: string;
  readonly filterSubject: string;
}

/** The consumer of the deletions, from which the follow-up half works. */
export function deletionsConsumer(prefix: string): ConsumerName {
  const filterSubject = `${subjectRoots(prefix).event}.${deleteMediaComplete.eventType}.>`;
  return { stream: 'events', durable: 'follow-up', filterSubject };
}

/** The consumer of the follow-ups that are postponed. */
export function postponedConsumer(prefix: string): ConsumerName {
  const filterSubject = `${followUpRoot(prefix, 'postponed')}.>`;
  return { stream: 'followUps', durable: 'follow-up-postponed', filterSubject };
}

/** The consumer that hands out the permits of an account. */
export function permitsConsumer(prefix: string, account: string): ConsumerName {
  const filterSubject = permitSubject(prefix, account, '*');
  return { stream: 'permits', durable: `permits-${subjectToken(account)}`, filterSubject };
}

function mapValues<K extends string, V>(record: Record<K, V>, to: (value: V) => string): Record<K, string> {
  const entries = Object.entries<V>(record).map(([key, value]) => [key, to(value)] as const);
  return Object.fromEntries(entries) as Record<K, string>;
}
