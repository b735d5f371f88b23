import type { Outcome } from './outcome.js';

/** The part of a lease that settling needs. */
export interface SettleableLease {
  readonly interruption: 'lost' | 'release' | 'abandon' | undefined;
  /** Deletes the message for good. @returns false when the lease ended first. */
  ack(): Promise<boolean>;
  /** @returns false when the message could not be given back. */
  release(delaySeconds: number): Promise<boolean>;
  abandon(): void;
}

/**
 * Carries an outcome out at the queue: the only caller of `ack`, and the last step of a message.
 * @returns the outcome as it came to be: an ack or a release that fails leaves the message to the queue.
 */
export async function settle(lease: SettleableLease, outcome: Outcome): Promise<Outcome> {
  switch (outcome.kind) {
    case 'published':
    case 'duplicate':
    case 'forwarded':
    case 'dead-lettered':
    case 'discarded':
      return (await lease.ack()) ? outcome : leftToQueue(lease, outcome);
    case 'released':
      return (await lease.release(outcome.delaySeconds)) ? outcome : leftToQueue(lease, outcome);
    case 'lease-lost':
    case 'abandoned':
      lease.abandon();
      return outcome;
  }
}

/** A message that is damaged may lack what it is deleted by. */
class NotDeletedError extends Error {
  override readonly name = 'NotDeletedError';
  readonly code = 'NotDeleted';
  readonly advice = 'the dead letter is kept once; the queue hands the message out until it expires there';

  constructor(at: string) {
    super(`the message is kept as a dead letter, for its damage at ${at}, and could not be deleted`);
  }
}

/** Keeps cause and event id of an outcome that could not be carried out. */
function leftToQueue(lease: SettleableLease, outcome: Outcome): Outcome {
  const isDamaged = outcome.kind === 'dead-lettered' && outcome.code === 'message-damaged';
  const { eventId, mediaId, cause = isDamaged ? new NotDeletedError(outcome.at) : undefined } = outcome;
  return {
    kind: lease.interruption === 'abandon' ? 'abandoned' : 'lease-lost',
    ...(eventId !== undefined && { eventId }),
    ...(mediaId !== undefined && { mediaId }),
    ...(cause !== undefined && { cause }),
  };
}
