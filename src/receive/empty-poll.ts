import { backOffMs } from '../time.js';

const capBackOff = { baseMs: 500, maxMs: 30_000 };
/** A queue that is asked without a wait is asked this often while it is empty. */
const shortPollEveryMs = 1_000;

/** The next step after a poll that brought nothing. */
export interface AfterEmptyPoll {
  /** How long to wait before the next poll. */
  pauseMs: number;
  /** The answer came too soon for the wait asked for: MNS's cap on concurrent long polls. */
  isCapped: boolean;
}

/**
 * Tells the end of a long poll from an answer that did not wait. MNS ends every poll a little before its time
 * (a second after 0.81 to 0.93 s), and one over the cap at once: half of the wait lies far from both, and a
 * queue that is mistaken for idle is asked at most twice as often as one that is.
 */
export class EmptyPolls {
  /** Answers in a row that came too soon. */
  #early = 0;

  /** A poll brought messages. */
  reset(): void {
    this.#early = 0;
  }

  /** `waitMs` is what MNS was asked to wait, `tookMs` how long the poll lasted. */
  next(waitMs: number, tookMs: number): AfterEmptyPoll {
    const isCapped = tookMs < waitMs / 2;
    this.#early = isCapped ? this.#early + 1 : 0;
    if (isCapped) return { pauseMs: backOffMs(capBackOff, this.#early), isCapped };
    return { pauseMs: waitMs > 0 ? 0 : Math.max(0, shortPollEveryMs - tookMs), isCapped };
  }
}
