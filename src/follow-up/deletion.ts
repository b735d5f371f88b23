import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import type { Permits } from '../nats/permits/permits.js';
import { backOffMs, type Clock } from '../time.js';
import { earlierMs, isTooOld, quietAtMs } from './quiet.js';
import type { VodClient } from './vod-client.js';
import { VodError } from './vod-error.js';

/** VOD of one account in one region, and the right to call it, which all replicas share. */
export interface VodSite {
  client: Pick<VodClient, 'getVideoInfo' | 'deleteMultipartUpload'>;
  permits: Pick<Permits, 'acquire'>;
  /** It is this late by VOD's clock, epoch milliseconds; undefined when no answer has told yet. */
  vodNowMs: () => number | undefined;
}

/** The facts about a job at the moment of its call. */
export interface JobFacts {
  /** It is this late by the clocks of this machine and of NATS both, epoch milliseconds. */
  nowMs: () => Promise<number>;
  /** Whether it may be called on: it has no outcome yet. */
  known: () => Promise<'open' | 'settled' | 'unknown'>;
}

/** The two ends of a job: begin nothing new, and finish at once. */
export interface JobSignals {
  stop: AbortSignal;
  cut: AbortSignal;
}

export interface DeletionOptions {
  /** Ask GetVideoInfo before each call. */
  guard: boolean;
  quietPeriodMs: number;
  /** Attempts that may fail before the follow-up has failed. */
  maxAttempts: number;
  clock: Clock;
  /** Told, whenever they are compared, how far the clock of this machine is ahead of another one. */
  onClock: (of: 'NATS' | 'VOD', aheadMs: number) => void;
}

type Planned = { kind: 'call' | 'verify'; row: string };

const retryBackOff = { baseMs: 2_000, maxMs: 15 * 60_000 };
/**
 * A media that was quiet this short a time ago still is. Spares a second question when a permit had to be
 * changed.
 */
const guardHoldsMs = 10_000;
/**
 * For this long after a look no other replica can have had the job: that takes the 15 s of a lost connection.
 */
const lookHoldsMs = 10_000;
/** Why a follow-up is given up. */
export const tooOld = 'the deletion is more than seven days ago: VOD has removed the parts by itself';

/**
 * Deletes the parts of one media: permit → guard → DeleteMultipartUpload.
 *
 * The guard comes after the permit, so that its answer is never older than the wait for one call. A refusal
 * for the quota is no attempt: the permit stays away for longer, and the next one is waited for.
 * @throws the reason of a signal when the work was not finished; whatever else is thrown is a bug.
 */
export function createDeletion({ guard, quietPeriodMs, maxAttempts, clock, onClock }: DeletionOptions) {
  return async (
    followUp: FollowUp,
    { kind, row }: Planned,
    { client, permits, vodNowMs }: VodSite,
    { stop, cut }: JobSignals,
    facts: JobFacts,
  ): Promise<FollowUpResult | 'settled' | 'unknown'> => {
    const { mediaId } = followUp;
    const attempts = followUp.attempts + 1;
    let guardedAtMs = -Infinity;
    let lookedAtMs = clock.monotonicMs();
    for (;;) {
      const permit = await permits.acquire(kind === 'call' ? 'orphan' : 'verify', stop);
      let isCalled = false;
      try {
        if (clock.monotonicMs() - lookedAtMs > lookHoldsMs) {
          const known = await facts.known();
          if (known !== 'open') {
            permit.unused();
            return known;
          }
          lookedAtMs = clock.monotonicMs();
        }
        if (guard && clock.monotonicMs() - guardedAtMs > guardHoldsMs) {
          const modifiedMs = await modifiedAtMs();
          const forbidden = forbids(modifiedMs, await facts.nowMs());
          if (forbidden) {
            permit.unused();
            return forbidden;
          }
          guardedAtMs = clock.monotonicMs();
        }
        stop.throwIfAborted();
        if (!permit.begin()) continue;
        isCalled = true;
        const { requestId } = await client.deleteMultipartUpload(mediaId, cut);
        return { outcome: 'deleted', row, reason: 'VOD has deleted the parts', attempts, requestId };
      } catch (error) {
        if (error instanceof VodError && error.kind === 'throttled') {
          permit.throttled();
          continue;
        }
        if (!isCalled) permit.unused();
        if (!(error instanceof VodError)) throw error;
        if (error.kind === 'clock') compareClocks();
        return { row, ...afterFailure(error, followUp, await facts.nowMs()) };
      }
    }

    /** A verification is a call on a media that VOD no longer has: nobody can be uploading to that. */
    async function modifiedAtMs(): Promise<number> {
      try {
        return (await client.getVideoInfo(mediaId, cut)).modifiedMs;
      } catch (error) {
        if (kind === 'verify' && error instanceof VodError && error.kind === 'gone') return -Infinity;
        throw error;
      }
    }

    function compareClocks(): number | undefined {
      const vodMs = vodNowMs();
      if (vodMs !== undefined) onClock('VOD', clock.now() - vodMs);
      return vodMs;
    }

    /** By the clock of VOD, which wrote the times, unless others say that it is not that late. */
    function forbids(modifiedMs: number, nowMs: number): FollowUpResult | undefined {
      const earliestMs = earlierMs(nowMs, compareClocks());
      const none = { row, attempts: followUp.attempts };
      if (isTooOld(followUp, earliestMs)) return { ...none, outcome: 'given-up', reason: tooOld };
      const quietMs = quietAtMs(modifiedMs, quietPeriodMs, earliestMs);
      if (quietMs === undefined) return undefined;
      const reason = 'the media was modified within followUp.quietPeriod: an upload may be running';
      return { ...none, outcome: 'postponed', reason, dueMs: quietMs + (nowMs - earliestMs) };
    }
  };

  function afterFailure(
    error: VodError,
    { attempts, postponements }: FollowUp,
    nowMs: number,
  ): Omit<FollowUpResult, 'row'> {
    const { message, advice, code, requestId, kind, retryAfterMs = 0 } = error;
    const facts = {
      reason: `${message}; ${advice}`,
      attempts: attempts + 1,
      code,
      ...(requestId !== undefined && { requestId }),
    };
    const dueMs = (failures: number): number =>
      Math.round(nowMs + Math.max(backOffMs(retryBackOff, failures), retryAfterMs));
    switch (kind) {
      case 'gone':
        return { ...facts, outcome: 'nothing-to-delete' };
      case 'blocked':
        return { ...facts, outcome: 'blocked' };
      case 'bug':
        return { ...facts, outcome: 'failed' };
      case 'credentials':
      case 'clock':
        // Every call fails until an operator has mended that, and the media has no part in it: no attempt is
        // used up.
        return { ...facts, outcome: 'postponed', attempts, dueMs: dueMs(postponements + 1) };
      case 'throttled':
      case 'retry':
        if (attempts + 1 >= maxAttempts) return { ...facts, outcome: 'failed' };
        return { ...facts, outcome: 'postponed', dueMs: dueMs(attempts + 1) };
    }
  }
}
