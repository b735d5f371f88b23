import { followUpId } from '../../event/event-id.js';
import { readOutcome, type StoredOutcome } from '../../event/follow-up-event.js';
import { followUpOutcomes, type FollowUp, type FollowUpOutcome } from '../../event/follow-up.js';
import { followUpSubject } from '../../event/layout.js';
import { reasonOf } from '../words.js';
import type { Job } from './job.js';
import type { StoredMessage, StreamReader } from '../streams/reader.js';

/**
 * `settled`: a final outcome is stored, or a later postponement, which goes on. `unknown`: NATS does not say.
 */
export type Known = 'open' | 'settled' | 'unknown';

/**
 * Looks in the stream of outcomes for what became of a follow-up so far; `likely` is the first one looked
 * for.
 */
export type OutcomeLookUp = (
  followUp: FollowUp,
  job: Pick<Job, 'streamSeq' | 'isNew'>,
  likely: FollowUpOutcome,
  signal: AbortSignal,
) => Promise<Known>;

export interface OutcomeLookUpOptions {
  reader: Pick<StreamReader, 'lastOnSubject' | 'nextOnSubject'>;
  /** The stream of outcomes. */
  stream: string;
  prefix: string;
  onFailure: (reason: string, error: unknown) => void;
  onAnswer: () => void;
}

const outcomes = Object.keys(followUpOutcomes) as FollowUpOutcome[];

/**
 * Each outcome of a media has a subject, so that the last one of each costs no search, however much the
 * stream holds (a wildcard would: before 2.10 the server tries it on every subject). All are of other
 * deletions of the same media when somebody deletes it again and again. What came before the last is looked
 * at, one by one, for a job that somebody may have had before; one that is new has nothing there.
 */
export function createOutcomeLookUp(options: OutcomeLookUpOptions): OutcomeLookUp {
  const { reader, stream, prefix, onFailure, onAnswer } = options;

  return async (followUp, job, likely, signal) => {
    const isSettledBy = async (outcome: FollowUpOutcome): Promise<boolean> => {
      const subject = followUpSubject(prefix, outcome, followUp.mediaId);
      const last = await reader.lastOnSubject(stream, subject, signal);
      if (!last || isOf(last, followUp)) return last !== undefined;
      if (job.isNew) return false;
      // A postponed follow-up has come here after itself, if at all.
      let seq = followUp.postponements > 0 ? job.streamSeq + 1 : 1;
      while (seq < last.seq) {
        const next = await reader.nextOnSubject(stream, seq, subject, signal);
        if (!next) return false;
        if (isOf(next, followUp)) return true;
        seq = next.seq + 1;
      }
      return false;
    };
    try {
      const others = outcomes.filter((outcome) => outcome !== likely);
      const isSettled =
        (await isSettledBy(likely)) || (await Promise.all(others.map(isSettledBy))).includes(true);
      onAnswer();
      return isSettled ? 'settled' : 'open';
    } catch (error) {
      signal.throwIfAborted();
      onFailure(reasonOf(error), error);
      return 'unknown';
    }
  };
}

function isOf({ body }: StoredMessage, followUp: FollowUp): boolean {
  const outcome: StoredOutcome | undefined = readOutcome(Buffer.from(body).toString('utf8'));
  if (outcome === undefined) return false;
  const { id, postponement } = outcome;
  if (postponement === undefined) return id === followUpId(followUp, undefined);
  return postponement > followUp.postponements && id === followUpId(followUp, postponement);
}
