import type { DeadLetterCode } from '../event/dead-letter-code.js';

/** How a message that was received ended, and what is known of it. */
export type Outcome = Ending & {
  /** The id of its event; absent where the body gave none. */
  eventId?: string;
  /** The media that it is about. */
  mediaId?: string;
  /** The error that led here. */
  cause?: unknown;
};

/** The ways in which a message that was received can end. Each ends in exactly one. */
type Ending =
  /** Its event is in the stream, and was not before. */
  | { kind: 'published' }
  /** Its event was in the stream already. */
  | { kind: 'duplicate' }
  /** It is an event of another type than DeleteMediaComplete, now in the stream. */
  | { kind: 'forwarded' }
  /** Its bytes are in the stream of dead letters. */
  | { kind: 'dead-lettered'; code: DeadLetterCode; reason: string; at: string }
  /** It is a foreign event, and the config says to drop those. */
  | { kind: 'discarded' }
  /** It is given back to the queue, to be handed out again after the delay. */
  | { kind: 'released'; delaySeconds: number }
  /** The lease ended first: the queue hands it out again. Its event may be published nevertheless. */
  | { kind: 'lease-lost' }
  /** A hard stop: the queue hands it out again when its visibility timeout ends. */
  | { kind: 'abandoned' };
