import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import { readFollowUp, toFollowUpEvent } from '../event/follow-up-event.js';
import { traceContextOf, type TraceContext } from '../event/trace-context.js';
import type { Job } from '../nats/jobs/job.js';
import type { OutcomeLookUp } from '../nats/jobs/outcome-look-up.js';
import { followUpLetterPublication, followUpPublication } from '../nats/publish/publication.js';
import { NotStoredError } from '../nats/publish/not-stored.js';
import type { Publication, Publisher } from '../nats/publish/publisher.js';
import { backOffMs, sleep } from '../time.js';
import { createDeletion, tooOld, type DeletionOptions, type JobSignals, type VodSite } from './deletion.js';
import { plan, type FollowUpPolicy, type Plan } from './plan.js';
import { deletedAtMs, earlierMs, isTooOld } from './quiet.js';

export interface FollowUpOptions extends DeletionOptions {
  publisher: Pick<Publisher, 'publish'>;
  /** Where the calls for an event go; undefined when the config has no queue of its account and region. */
  siteOf: (followUp: FollowUp) => VodSite | undefined;
  /** The state of a follow-up so far. */
  lookUp: OutcomeLookUp;
  policy: FollowUpPolicy;
  /** The subject prefix. */
  prefix: string;
  /** Told of each follow-up once what became of it is stored. */
  onSettled: (followUp: FollowUp, result: FollowUpResult) => void;
  /** Told of a follow-up that was handed out once more, though what became of it is stored. */
  onKnown: (followUp: FollowUp) => void;
  /** Told of a message that is no event of ours, once it is a dead letter. */
  onUnreadable: (subject: string) => void;
}

const keepBackOff = { baseMs: 2_000, maxMs: 5 * 60_000 };
/** Until the config names a queue of the account again, as in the middle of a change of configuration. */
const unknownSiteDelayMs = 15 * 60_000;
/** Nothing is called on that may have been called on before: NATS is asked again after this. */
const lookUpAgainMs = 30_000;

/**
 * The path of one follow-up, from its event in the stream to its outcome in the other:
 *
 *     read → plan → look up → permit → guard → DeleteMultipartUpload → publish the outcome → PubAck → ack
 *
 * A follow-up that cannot be decided yet gets the outcome `postponed`, which holds all that the next job
 * needs. A job that a stop interrupts is given back at once. The returned function rejects only for a bug.
 */
export function createFollowUp(options: FollowUpOptions): (job: Job, signals: JobSignals) => Promise<void> {
  const { publisher, siteOf, lookUp, policy, guard, quietPeriodMs, prefix, clock } = options;
  const deleteParts = createDeletion(options);

  return async (job, signals) => {
    try {
      const followUp = readJob(job);
      if (followUp === undefined) await keepUnreadable(job, signals.cut);
      else await take(job, followUp, signals);
    } catch (error) {
      if (!signals.stop.aborted) throw error;
      job.redeliver(0);
    }
  };

  async function take(job: Job, followUp: FollowUp, signals: JobSignals): Promise<void> {
    const waitMs = job.storedAtMs + followUp.waitMs - (await nowMs(job));
    if (waitMs > 0) {
      job.redeliver(waitMs);
      return;
    }
    const planned = plan(followUp, policy, guard);
    const known = await knownOf(job, followUp, planned, signals.stop);
    const result = known === 'open' ? await decide(job, followUp, planned, signals) : known;
    if (result === 'settled') {
      await job.ack();
      options.onKnown(followUp);
    } else if (result === 'unknown') job.redeliver(lookUpAgainMs);
    else await record(job, followUp, result, signals.cut);
  }

  /** It is this late by the clocks of this machine and of NATS both. */
  async function nowMs(job: Job): Promise<number> {
    const natsMs = await job.serverNowMs();
    const ownMs = clock.now();
    options.onClock('NATS', ownMs - natsMs);
    return earlierMs(ownMs, natsMs);
  }

  /** A call is never made in doubt; an outcome without one is the same again, and is suppressed by its id. */
  async function knownOf(
    job: Job,
    followUp: FollowUp,
    planned: Plan,
    signal: AbortSignal,
  ): Promise<'open' | 'settled' | 'unknown'> {
    const isCall = planned.kind !== 'none';
    if (!isCall && job.isNew) return 'open';
    const known = await lookUp(followUp, job, isCall ? 'deleted' : planned.outcome, signal);
    return known === 'unknown' && (job.isNew || !isCall) ? 'open' : known;
  }

  async function decide(
    job: Job,
    followUp: FollowUp,
    planned: Plan,
    signals: JobSignals,
  ): Promise<FollowUpResult | 'settled' | 'unknown'> {
    const { attempts, postponements } = followUp;
    const { row } = planned;
    const postponed = (dueMs: number, reason: string): FollowUpResult => {
      return { outcome: 'postponed', row, reason, attempts, dueMs };
    };
    if (planned.kind === 'none') return { outcome: planned.outcome, row, reason: planned.reason, attempts };
    const site = siteOf(followUp);
    const now = await nowMs(job);
    const vodMs = site?.vodNowMs();
    const earliestMs = earlierMs(now, vodMs);
    // Given up is given up for good: VOD, if it is going to be asked, has to say that it is that late.
    const isVodToSay = guard && site !== undefined && vodMs === undefined;
    if (!isVodToSay && isTooOld(followUp, earliestMs))
      return { outcome: 'given-up', row, reason: tooOld, attempts };
    const waitMs = deletedAtMs(followUp, now) + quietPeriodMs - earliestMs;
    if (!guard && waitMs > 0) {
      return postponed(
        now + waitMs,
        'without the guard, calls wait for followUp.quietPeriod after the event',
      );
    }
    if (planned.kind === 'verify' && postponements === 0) {
      return postponed(now + quietPeriodMs, 'a deletion is verified after followUp.quietPeriod');
    }
    if (site === undefined) {
      const reason = `no queue of the config belongs to ${followUp.source}: nothing says how to call VOD there`;
      return postponed(now + unknownSiteDelayMs, reason);
    }
    const facts = {
      nowMs: () => nowMs(job),
      known: () => knownOf(job, followUp, planned, signals.stop),
    };
    return await deleteParts(followUp, planned, site, signals, facts);
  }

  async function record(
    job: Job,
    followUp: FollowUp,
    result: FollowUpResult,
    signal: AbortSignal,
  ): Promise<void> {
    const event = toFollowUpEvent(followUp, result, prefix, await nowMs(job));
    if (result.outcome === 'failed') {
      const { reason } = result;
      const code = 'follow-up-failed';
      const letter = { ...letterOf(job), messageId: event.id, body: event.body, code, reason } as const;
      await keep(job, followUpLetterPublication(prefix, letter), signal);
    }
    await keep(job, followUpPublication(prefix, event, traceContextOf(job.headers)), signal);
    await job.ack();
    options.onSettled(followUp, result);
  }

  /**
   * Publishes until it is stored, and lets other jobs be begun meanwhile. Given back instead, the job would
   * be done again, with another call to VOD. @throws the signal's reason when that is aborted first.
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
    options.onUnreadable(job.subject);
  }
}

/** A deletion in the future, by a clock that is off, was before its event was stored. */
function readJob({ text, storedAtMs }: Job): FollowUp | undefined {
  const followUp = readFollowUp(text);
  if (!followUp || followUp.knownSinceMs !== undefined) return followUp;
  return Date.parse(followUp.eventTime) > storedAtMs ? { ...followUp, knownSinceMs: storedAtMs } : followUp;
}

function letterOf({ deliveries, storedAtMs, headers }: Job): {
  attempt: number;
  enqueuedAtMs: number;
  trace: TraceContext;
} {
  return { attempt: deliveries, enqueuedAtMs: storedAtMs, trace: traceContextOf(headers) };
}
