import type { DeadLetterCode } from '../event/dead-letter-code.js';

/** The ways in which a message that was received can end. Each ends in exactly one. */
export type Outcome =
  /** Its event is in the stream, and was not before. */
  | { kind: 'published'; eventId: string }
  /** Its event was in the stream already. */
  | { kind: 'duplicate'; eventId: string }
  /** It is an event of another type than DeleteMediaComplete, now in the stream. */
  | { kind: 'forwarded'; eventId: string }
  /** Its bytes are in the stream of dead letters. */
  | { kind: 'dead-lettered'; code: DeadLetterCode; reason: string; at: string }
  /** It is a foreign event, and the config says to drop those. */
  | { kind: 'discarded' }
  /** It is given back to the queue, to be handed out again after the delay. */
  | { kind: 'released'; delaySeconds: number; cause?: unknown }
  /** The lease ended first: the queue hands it out again. Its event may be published nevertheless. */
  | { kind: 'lease-lost' }
  /** A hard stop: the queue hands it out again when its visibility timeout ends. */
  | { kind: 'abandoned' };
