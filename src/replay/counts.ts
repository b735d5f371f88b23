import type { Fate } from './item.js';

/** The ledger of a replay. `seen` is the sum of the fates; `wouldCall` is a part of `published`. */
export type Counts = Readonly<Record<Fate | 'seen' | 'wouldCall', number>>;

export const noCounts: Counts = {
  seen: 0,
  filteredOut: 0,
  published: 0,
  suppressed: 0,
  undecodable: 0,
  left: 0,
  failed: 0,
  wouldCall: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
  const sum = { ...a };
  for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += b[name];
  return sum;
}

/** The counts of one more item. */
export function countItem(counts: Counts, fate: Fate, leadsToCall: boolean): Counts {
  return {
    ...counts,
    seen: counts.seen + 1,
    [fate]: counts[fate] + 1,
    wouldCall: counts.wouldCall + (leadsToCall ? 1 : 0),
  };
}

/** How many items passed the filters. */
export function selectedOf({ seen, filteredOut }: Counts): number {
  return seen - filteredOut;
}
