import { sleep, type Clock } from '../time.js';

/** How long a rest is for each millisecond of work: a fifth of the time is spent at most. */
const restPerWork = 4;

/**
 * Makes one answer for all who ask before it is begun, and rests between answers, so that whoever asks in a
 * loop does not hold the process up. Each answer is begun after its question.
 */
export function paced<T>(clock: Clock, make: () => Promise<T>): () => Promise<T> {
  let next: Promise<T> | undefined;
  let rested = Promise.resolve();
  const takeTurn = async (): Promise<T> => {
    await rested;
    next = undefined;
    const begunMs = clock.monotonicMs();
    const made = make();
    rested = made.then(
      () => sleep(clock, (clock.monotonicMs() - begunMs) * restPerWork),
      () => undefined,
    );
    return await made;
  };
  return () => (next ??= takeTurn());
}
