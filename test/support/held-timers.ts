import { systemClock, type Clock } from '../../src/time.js';

/** The system's clock, but that its long timers run only when a test says so. */
export interface HeldTimers extends Clock {
  /** Runs those that are held now. @returns how many there were. */
  fire(): number;
}

/** @param fromMs timers of this length and longer are held. */
export function heldTimers(fromMs: number): HeldTimers {
  const held = new Set<() => void>();
  return {
    ...systemClock,
    after(delayMs, run) {
      if (delayMs < fromMs) return systemClock.after(delayMs, run);
      held.add(run);
      return () => {
        held.delete(run);
      };
    },
    fire() {
      const due = [...held];
      held.clear();
      for (const run of due) run();
      return due.length;
    },
  };
}
