import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import type { Permits } from '../publish/permits.js';
import { backOffMs, type Clock } from '../time.js';
import { quietAtMs } from './quiet.js';
import type { VodClient } from './vod-client.js';
import { VodError } from './vod-error.js';

/** VOD of one account in one region, and the right to call it, which all replicas share. */
export interface VodSite {
  client: Pick<VodClient, 'getVideoInfo' | 'deleteMultipartUpload'>;
  permits: Pick<Permits, 'acquire'>;
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
}

type Planned = { kind: 'call' | 'verify'; row: string };

const retryBackOff = { baseMs: 2_000, maxMs: 15 * 60_000 };
/** A media that was quiet this short a time ago still is. Spares a second question when a permit had to be changed. */
const guardHoldsMs = 10_000;

/**
 * Deletes the parts of one media: permit → guard → DeleteMultipartUpload.
 *
 * The guard comes after the permit, so that its answer is never older than the wait for one call. A refusal for the
 * quota is no attempt: the permit stays away for longer, and the next one is waited for.
 * @throws the reason of a signal when the work was not finished; whatever else is thrown is a bug.
 */
export function createDeletion({ guard, quietPeriodMs, maxAttempts, clock }: DeletionOptions) {
  return async (
    followUp: FollowUp,
    { kind, row }: Planned,
    { client, permits }: VodSite,
    { stop, cut }: JobSignals,
  ): Promise<FollowUpResult> => {
    const { mediaId } = followUp;
    const attempts = followUp.attempts + 1;
    let guardedAtMs = -Infinity;
    for (;;) {
      const permit = await permits.acquire(kind === 'call' ? 'orphan' : 'verify', stop);
      let isCalled = false;
      try {
        if (guard && clock.monotonicMs() - guardedAtMs > guardHoldsMs) {
          const { modifiedMs } = await client.getVideoInfo(mediaId, cut);
          const dueMs = quietAtMs(modifiedMs, quietPeriodMs, clock.now());
          if (dueMs !== undefined) {
            permit.unused();
            const reason = 'the media was modified within followUp.quietPeriod: an upload may be running';
            return { outcome: 'postponed', row, reason, attempts: followUp.attempts, dueMs };
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
        return { row, ...afterFailure(error, followUp) };
      }
    }
  };

  function afterFailure(error: VodError, { attempts, postponements }: FollowUp): Omit<FollowUpResult, 'row'> {
    const { message, advice, code, requestId, kind, retryAfterMs = 0 } = error;
    const facts = {
      reason: `${message}; ${advice}`,
      attempts: attempts + 1,
      code,
      ...(requestId !== undefined && { requestId }),
    };
    const dueMs = (failures: number): number =>
      Math.round(clock.now() + Math.max(backOffMs(retryBackOff, failures), retryAfterMs));
    switch (kind) {
      case 'gone':
        return { ...facts, outcome: 'nothing-to-delete' };
      case 'blocked':
        return { ...facts, outcome: 'blocked' };
      case 'bug':
        return { ...facts, outcome: 'failed' };
      case 'credentials':
        // Every call fails until an operator has mended them, and the media has no part in it: no attempt is used up.
        return { ...facts, outcome: 'postponed', attempts, dueMs: dueMs(postponements + 1) };
      case 'throttled':
      case 'retry':
        if (attempts + 1 >= maxAttempts) return { ...facts, outcome: 'failed' };
        return { ...facts, outcome: 'postponed', dueMs: dueMs(attempts + 1) };
    }
  }
}
