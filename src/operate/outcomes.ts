import type { Outcome } from '../relay/outcome.js';

/**
 * The meaning of each outcome of a message, and the queue's part in it. The documentation is
 * generated from it.
 */
export const messageOutcomes = {
  published: { meaning: 'its event is in the stream, and was not before', queue: 'deleted' },
  duplicate: { meaning: 'its event was in the stream already', queue: 'deleted' },
  forwarded: { meaning: 'it is a VOD event of another type, now in the stream', queue: 'deleted' },
  'dead-lettered': { meaning: 'its bytes are in `VOD_DEAD_LETTERS`, with the reason', queue: 'deleted' },
  discarded: { meaning: 'it is of another type, and `foreignEvents` is `discard`', queue: 'deleted' },
  released: { meaning: 'it failed for now, or the worker stops', queue: 'visible again after a delay' },
  'lease-lost': {
    meaning: 'the visibility timeout ended first, or a renewal failed',
    queue: 'delivered again by MNS',
  },
  abandoned: {
    meaning: 'the grace period is over, or a second signal came',
    queue: 'delivered again by MNS',
  },
} as const satisfies Record<Outcome['kind'], { meaning: string; queue: string }>;

/** Every outcome of a message, for the label of that name: each is shown from the start, with 0. */
export const outcomes = Object.keys(messageOutcomes);
