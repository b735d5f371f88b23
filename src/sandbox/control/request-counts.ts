/** Counts of answers by operation, then by HTTP status or, where no answer arrived, by fault. */
export type RequestCounts = Record<string, Record<string, number>>;
