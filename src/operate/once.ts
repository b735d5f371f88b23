/** Tells a lasting trouble once, and its end. */
export interface Once {
  /** Calls `tell` unless the last trouble under this key was the same. */
  tell(key: string, what: string, tell: () => void): void;
  /** Ends the trouble under a key. Calls `tell`, with how often the trouble came, only when there was one. */
  over(key: string, tell?: (times: number) => void): void;
}

export function createOnce(): Once {
  const told = new Map<string, { what: string; times: number }>();
  return {
    tell(key, what, tell) {
      const last = told.get(key);
      if (last?.what === what) last.times++;
      else {
        told.set(key, { what, times: 1 });
        tell();
      }
    },
    over(key, tell = () => undefined) {
      const last = told.get(key);
      if (last && told.delete(key)) tell(last.times);
    },
  };
}
