import type { Selection } from './selection.js';

/** The task of a replay. Kept in its checkpoint, so that a resumed replay does the same. */
export interface ReplayPlan {
  readonly source: 'queues' | 'dead-letters' | 'events';
  /** For the source `queues`: their names, in order. */
  readonly queues: readonly string[];
  readonly selection: Selection;
  /** Send even what the stream has, under ids of the replay's own. */
  readonly again: boolean;
  /** Send to this subject prefix instead of the usual one; implies ids of the replay's own. */
  readonly to?: string;
  /** Of events, send none: have those that today's plan calls on followed up again. */
  readonly followUp: boolean;
  /** Leave the messages in their queue. */
  readonly keep: boolean;
  /** Selected messages a second, at most. */
  readonly rate: number;
}

/** Whether what is sent has ids of the replay's own, so that an event in the stream does not suppress it. */
export function hasOwnIds({ again, to, followUp }: Pick<ReplayPlan, 'again' | 'to' | 'followUp'>): boolean {
  return again || followUp || to !== undefined;
}
