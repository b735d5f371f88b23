import type { VodState } from '../sandbox/control/vod-types.js';

/** The account of the uploads that the deletions may have left. */
export interface FollowUpLedger {
  /**
   * Media whose deletion failed, with parts of an upload that nobody continues, and such as were uploaded to.
   */
  orphanedBefore: number;
  orphanedAfter: number;
  /** Events whose plan is to call. */
  planned: number;
  /** Calls of DeleteMultipartUpload that VOD let in. */
  called: number;
  /** How often a follow-up was put off. */
  postponed: number;
  blocked: number;
  liveUploadsAborted: number;
  /** Calls beyond the quota. */
  callsRefused: number;
  /** Events with no outcome, or with more than one. */
  withoutOneOutcome: number;
}

/** A message of VOD_FOLLOW_UPS, as far as the demo looks at it. */
export interface OutcomeRecord {
  eventId: string;
  outcome: string;
}

const ofCalls = new Set(['deleted', 'nothing-to-delete', 'given-up', 'failed']);

/** @param deletions the ids of all DeleteMediaComplete events in the stream. */
export function followUpLedger(
  deletions: readonly string[],
  records: readonly OutcomeRecord[],
  before: VodState,
  after: VodState,
): FollowUpLedger {
  const final = records.filter(({ outcome }) => outcome !== 'postponed');
  const times = new Map(deletions.map((id) => [id, 0]));
  for (const { eventId } of final) times.set(eventId, (times.get(eventId) ?? 0) + 1);
  const { DeleteMultipartUpload: calls = {} } = after.calls;
  const { DeleteMultipartUpload: refused } = after.refused;
  const made = Object.values(calls).reduce((sum, n) => sum + n, 0);
  return {
    orphanedBefore: before.orphansLeft,
    orphanedAfter: after.orphansLeft,
    planned: final.filter(({ outcome }) => ofCalls.has(outcome)).length,
    called: made - refused,
    postponed: records.length - final.length,
    blocked: final.filter(({ outcome }) => outcome === 'blocked').length,
    liveUploadsAborted: after.liveUploadsAborted,
    callsRefused: refused,
    withoutOneOutcome: [...times.values()].filter((n) => n !== 1).length,
  };
}

/** Every event has its one outcome, and no parts are left but those that VOD refused to delete. */
export function areFollowUpsBalanced({
  orphanedAfter,
  blocked,
  liveUploadsAborted,
  withoutOneOutcome,
}: FollowUpLedger): boolean {
  return orphanedAfter === blocked && liveUploadsAborted + withoutOneOutcome === 0;
}
