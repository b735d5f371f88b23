import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import { readFollowUp, toFollowUpEvent } from '../event/follow-up-event.js';
import { traceContextOf, type TraceContext } from '../event/trace-context.js';
import type { Job } from '../publish/job-queue.js';
import { followUpLetterPublication, followUpPublication } from '../publish/publication.js';
import { NotStoredError } from '../publish/not-stored.js';
import type { Publication, Publisher } from '../publish/publisher.js';
import { backOffMs, sleep } from '../time.js';
import { createDeletion, type DeletionOptions, type JobSignals, type VodSite } from './deletion.js';
import { plan, type FollowUpPolicy } from './plan.js';
import { isTooOld } from './quiet.js';

export interface FollowUpOptions extends DeletionOptions {
  publisher: Pick<Publisher, 'publish'>;
  /** Where the calls for an event go; undefined when the config has no queue of its account and region. */
  siteOf: (followUp: FollowUp) => VodSite | undefined;
  policy: FollowUpPolicy;
  /** The subject prefix. */
  prefix: string;
  /** Told of each follow-up once what became of it is stored. */
  onSettled: (followUp: FollowUp, result: FollowUpResult) => void;
  /** Told of a message that is no event of ours, once it is a dead letter. */
  onUnreadable: (subject: string) => void;
}

const keepBackOff = { baseMs: 2_000, maxMs: 5 * 60_000 };
/** Until the config names a queue of the account again, as in the middle of a change of configuration. */
const unknownSiteDelayMs = 15 * 60_000;

/**
 * The path of one follow-up, from its event in the stream to its outcome in the other:
 *
 *     read → plan → permit → guard → DeleteMultipartUpload → publish the outcome → PubAck → ack, last
 *
 * What cannot be decided now is put off: its outcome `postponed` holds all that is needed, and is the next job.
 * A job that a stop interrupts is given back at once. The returned function rejects only for a bug.
 */
export function createFollowUp(options: FollowUpOptions): (job: Job, signals: JobSignals) => Promise<void> {
  const { publisher, siteOf, policy, guard, quietPeriodMs, prefix, clock, onSettled, onUnreadable } = options;
  const deleteParts = createDeletion(options);

  return async (job, signals) => {
    try {
      const followUp = readFollowUp(job.text);
      if (followUp === undefined) {
        await keepUnreadable(job, signals.cut);
        return;
      }
      const waitMs = followUp.dueMs - clock.now();
      if (waitMs > 0) job.redeliver(waitMs);
      else await record(job, followUp, await decide(followUp, signals), signals.cut);
    } catch (error) {
      if (!signals.stop.aborted) throw error;
      job.redeliver(0);
    }
  };

  async function decide(followUp: FollowUp, signals: JobSignals): Promise<FollowUpResult> {
    const { attempts, postponements, eventTime } = followUp;
    const planned = plan(followUp, policy, guard);
    const { row } = planned;
    const postponed = (dueMs: number, reason: string): FollowUpResult => {
      return { outcome: 'postponed', row, reason, attempts, dueMs };
    };
    if (planned.kind === 'none') return { outcome: planned.outcome, row, reason: planned.reason, attempts };
    const nowMs = clock.now();
    if (isTooOld(followUp, nowMs)) {
      const reason = 'the deletion is more than seven days ago: VOD has removed the parts by itself';
      return { outcome: 'given-up', row, reason, attempts };
    }
    const quietMs = Date.parse(eventTime) + quietPeriodMs;
    if (!guard && quietMs > nowMs) {
      return postponed(quietMs, 'without the guard, calls wait for followUp.quietPeriod after the event');
    }
    if (planned.kind === 'verify' && postponements === 0) {
      return postponed(nowMs + quietPeriodMs, 'a deletion is verified after followUp.quietPeriod');
    }
    const site = siteOf(followUp);
    if (site === undefined) {
      const reason = `no queue of the config belongs to ${followUp.source}: nothing says how to call VOD there`;
      return postponed(nowMs + unknownSiteDelayMs, reason);
    }
    return await deleteParts(followUp, planned, site, signals);
  }

  async function record(
    job: Job,
    followUp: FollowUp,
    result: FollowUpResult,
    signal: AbortSignal,
  ): Promise<void> {
    const event = toFollowUpEvent(followUp, result, prefix, clock.now());
    if (result.outcome === 'failed') {
      const { reason } = result;
      const code = 'follow-up-failed';
      const letter = { ...letterOf(job), messageId: event.id, body: event.body, code, reason } as const;
      await keep(job, followUpLetterPublication(prefix, letter), signal);
    }
    await keep(job, followUpPublication(prefix, event, traceContextOf(job.headers)), signal);
    await job.ack();
    onSettled(followUp, result);
  }

  /**
   * Publishes until it is stored, and lets other jobs be begun meanwhile. Given back instead, the job would be done again,
   * with another call to VOD. @throws the signal's reason when that is aborted first.
   */
  async function keep(job: Job, publication: Publication, signal: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        await publisher.publish(publication, signal);
        return;
      } catch (error) {
        if (!(error instanceof NotStoredError)) throw error;
        job.setAside();
        await sleep(clock, backOffMs(keepBackOff, failures), signal);
      }
    }
  }

  /** Somebody else wrote it into the stream: nothing to plan, but nothing to throw away either. */
  async function keepUnreadable(job: Job, signal: AbortSignal): Promise<void> {
    const reason = `message ${job.streamSeq} on ${job.subject} is no event of this program`;
    const code = 'follow-up-unreadable';
    const letter = { ...letterOf(job), messageId: `${job.streamSeq}`, body: job.data, code, reason } as const;
    await keep(job, followUpLetterPublication(prefix, letter), signal);
    await job.ack();
    onUnreadable(job.subject);
  }
}

function letterOf({ deliveries, storedAtMs, headers }: Job): {
  attempt: number;
  enqueuedAtMs: number;
  trace: TraceContext;
} {
  return { attempt: deliveries, enqueuedAtMs: storedAtMs, trace: traceContextOf(headers) };
}
