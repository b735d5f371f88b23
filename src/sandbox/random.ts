/** A number in [0, 1), like Math.random. */
export type Random = () => number;

/**
 * A repeatable source of random numbers: the same seed gives the same numbers in the same order. Good enough
 * to choose faults and orders; not for secrets.
 */
export function seededRandom(seed: number): Random {
  // Multiplying by an odd constant spreads small seeds over all bits; zero is the one state xorshift cannot
  // leave.
  let state = Math.imul(seed, 0x9e3779b1) >>> 0 || 0x6d2b79f5;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export function wholeNumber(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}
