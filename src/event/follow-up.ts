/** The outcomes of a follow-up, with the meaning of each in one line. */
export const followUpOutcomes = {
  deleted: 'VOD has deleted what was left of the uploads of the media.',
  'nothing-to-delete': 'VOD answers that there is no such upload, media or file.',
  skipped: 'By the plan there is nothing to delete, or the configuration wants no call.',
  postponed: 'An upload may still be running, or a call failed for now: it is taken up again later.',
  blocked: 'A refusal that only an operator can lift stands in the way, such as a missing permission.',
  unknown: 'The event holds a value that the plan does not know, so that no call is made.',
  'given-up': 'The deletion is more than seven days ago: VOD has removed the parts itself.',
  failed: 'The calls failed for good, or as often as the configuration allows: it is a dead letter now.',
} as const;

export type FollowUpOutcome = keyof typeof followUpOutcomes;

/**
 * One planned follow-up: all that its plan, its guard and its call need, carried from one taking-up to the
 * next.
 */
export interface FollowUp {
  /** `id` of the CloudEvent of the deletion. */
  readonly eventId: string;
  /** `acs:vod:<region>:<account>` */
  readonly source: string;
  /** The queue whose configuration says how to reach VOD. */
  readonly queue: string;
  /** EventTime as VOD wrote it. */
  readonly eventTime: string;
  /**
   * When NATS stored the event, epoch milliseconds: the deletion was before. Present when EventTime is later.
   */
  readonly knownSinceMs?: number;
  readonly mediaId: string;
  readonly mediaType: string;
  readonly deleteType: string;
  readonly status: string;
  /** Present only when VOD sent one. */
  readonly errorCode?: string;
  /** Set by a replay, so that its outcome is one of its own. */
  readonly replayId?: string;
  /** Attempts at the call so far. */
  readonly attempts: number;
  /** How often it was put off so far. */
  readonly postponements: number;
  /**
   * It is to be taken up this long after it was stored, by the clock of NATS: at once when it comes from its
   * event.
   */
  readonly waitMs: number;
}

/** The result of one attempt at a follow-up. */
export interface FollowUpResult {
  readonly outcome: FollowUpOutcome;
  /** The row of the plan that decided. */
  readonly row: string;
  /** In words, for the operator. */
  readonly reason: string;
  /** Attempts at the call, the last one included. */
  readonly attempts: number;
  /** VOD's RequestId of the last call. */
  readonly requestId?: string;
  /** The code of the last error, VOD's or one of our own. */
  readonly code?: string;
  /** Epoch milliseconds by the clock that the time of the outcome is of; present when that is `postponed`. */
  readonly dueMs?: number;
}
