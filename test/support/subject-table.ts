import type { DeadLetterCode } from '../../src/event/dead-letter-code.js';
import {
  checkpointSubject,
  deadLetterSubject,
  defaultSubjectPrefix as prefix,
  doneDeadLetterSubject,
  eventSubject,
  followUpLetterQueue,
  followUpSubject,
  permitRefusedSubject,
  permitSubject,
  streamNames,
  subjectRoots,
} from '../../src/event/layout.js';
import type { FollowUpOutcome } from '../../src/event/follow-up.js';
import type { VodEvent } from '../../src/event/vod-event.js';

/** The Markdown table of every subject with its stream, as the code makes them. Ends with a line break. */
export function subjectTable(): string {
  const { events, followUps, deadLetters, permits, replays } = streamNames(prefix);
  // A word in capitals stands for what differs from subject to subject, and passes every encoding.
  const code = 'CODE' as DeadLetterCode;
  const deletion = {
    kind: 'delete-media-complete',
    status: 'STATUS',
    mediaType: 'MEDIATYPE',
    deleteType: 'DELETETYPE',
    mediaId: 'MEDIAID',
  } as unknown as VodEvent;
  const other: VodEvent = { kind: 'foreign', eventType: 'EVENTTYPE', mediaId: 'MEDIAID', json: '' };
  const letter = deadLetterSubject(prefix, 'QUEUE', code);
  const rows = [
    [eventSubject(prefix, deletion), 'a deletion', events],
    [eventSubject(prefix, other), 'another VOD event; without the media id where it names none', events],
    [
      followUpSubject(prefix, 'OUTCOME' as FollowUpOutcome, 'MEDIAID'),
      'an outcome of a follow-up',
      followUps,
    ],
    [letter, 'a dead letter', deadLetters],
    [doneDeadLetterSubject(letter), 'the same once a replay has published it', deadLetters],
    [deadLetterSubject(prefix, followUpLetterQueue, code), 'what the follow-up half gave up on', deadLetters],
    [`${subjectRoots(prefix).replay}.NAME.>`, 'what a replay sends with `--to`', replays],
    [checkpointSubject(prefix, 'REPLAYID'), 'the last checkpoint of a replay', replays],
    [permitSubject(prefix, 'ACCOUNT', '*').replace('*', 'NUMBER'), 'a permit to call VOD', permits],
    [permitRefusedSubject(prefix, 'ACCOUNT'), 'a refusal for the quota, from replica to replica', undefined],
  ] as const;
  const lines = rows.map(
    ([subject, what, stream]) => `| \`${named(subject)}\` | ${what} | ${stream ? `\`${stream}\`` : 'none'} |`,
  );
  return ['| Subject (`vod` is `nats.prefix`) | What | Stream |', '|---|---|---|', ...lines, ''].join('\n');
}

const words: Readonly<Record<string, string>> = {
  MEDIATYPE: 'mediaType',
  DELETETYPE: 'deleteType',
  MEDIAID: 'mediaId',
  EVENTTYPE: 'EventType',
  REPLAYID: 'replayId',
};

function named(subject: string): string {
  return subject.replace(/[A-Z]{4,}/g, (word) => `<${words[word] ?? word.toLowerCase()}>`);
}
