import type { Outcome } from '../relay/outcome.js';

/** Every outcome of a message, for the label of that name: each is shown from the start, with 0. */
export const outcomes = Object.keys({
  published: true,
  duplicate: true,
  forwarded: true,
  'dead-lettered': true,
  discarded: true,
  released: true,
  'lease-lost': true,
  abandoned: true,
} satisfies Record<Outcome['kind'], true>);
