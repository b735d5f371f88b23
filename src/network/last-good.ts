/** Told why what was read before is used again; undefined once it can be read. */
export type OnStale = (error: unknown) => void;

/**
 * Reads again at each call, so that what was rotated is found. While that fails, because a file is gone or
 * written just now, the last value stands in.
 * @throws what `read` throws, as long as there is no value from before.
 */
export function lastGood<T>(read: () => T, onStale: OnStale, before?: T): () => T {
  let last = before;
  let isStale = false;
  return () => {
    try {
      last = read();
      if (isStale) onStale(undefined);
      isStale = false;
      return last;
    } catch (error) {
      if (last === undefined) throw error;
      isStale = true;
      onStale(error);
      return last;
    }
  };
}
