import type { MsgHdrs } from 'nats';
import { NotStoredError } from './not-stored.js';
import { notCommitted, type PubAck, type RefusalScope } from './pub-ack.js';
import { PublishWindow } from './window.js';

/** A refused publication is tried for this long before it is given up, or counts against the whole stream. */
export const decideAfterMs = 1_250;
/** Where nothing waits at a gate, what is not even answered is given up after this. */
const giveUpAfterMs = 30_000;
/** A stream that stored something this short a time ago, and refused few since, is well. */
const wellForMs = 60_000;
const fewRefusals = 16;
/**
 * After this, any other that was stored shows that a refusal without a limit behind it is not the stream's.
 */
const keepUnclearMs = 30_000;

/** Whether something is pending, and whether all of it was refused. */
export type Asking = 'nothing' | 'refused' | 'unanswered';

/** Why a publication was refused, and since when (monotonic). */
export interface Refusal {
  reason: string;
  scope: RefusalScope;
  readonly sinceMs: number;
  /** The counts of its lane by then, and of its own refusals. */
  readonly stored: number;
  readonly refused: number;
  own: number;
}

export type OnTryAgain = (reason: string) => void;

/** A publication that waits for its PubAck. Times are monotonic. */
export interface Pending {
  readonly id: string;
  readonly lane: StreamLane;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: MsgHdrs;
  /** Told each reason for trying again. */
  readonly onTryAgain: OnTryAgain | undefined;
  readonly resolve: (ack: PubAck) => void;
  readonly reject: (error: unknown) => void;
  /** Takes back what it asked of others. */
  readonly forget: () => void;
  tries: number;
  /** The last write into this connection, for the outlet; 0 before the first. */
  write: number;
  firstSentMs: number;
  /** When the next try is due, or the PubAck is overdue. */
  dueMs: number;
  refusal: Refusal | undefined;
  /** Why the last try has to be followed by another. */
  reason: string | undefined;
  /** It has a place in the window of its lane. */
  hasPlace: boolean;
}

/** How well one stream stores: what is pending for it, what it refused and stored. */
export class StreamLane {
  readonly stream: string;
  /** Receiving waits while this stream does not store. */
  readonly isGated: boolean;
  readonly window: PublishWindow;
  readonly pending = new Set<Pending>();
  trouble: string | undefined;
  /** Monotonic; of the last PubAck, or the begin of the connection. */
  lastAckMs = 0;
  #storedMs = -Infinity;
  #stored = 0;
  #refused = 0;
  #refusedInARow = 0;

  constructor(stream: string, isGated: boolean, window: number) {
    this.stream = stream;
    this.isGated = isGated;
    this.window = new PublishWindow(window);
  }

  /**
   * @returns whether that shows that the stream stores: one that is full still knows what it has.
   */
  stored(nowMs: number, isDuplicate: boolean): boolean {
    if (isDuplicate && this.#refusedInARow > 0) return false;
    this.lastAckMs = this.#storedMs = nowMs;
    this.#stored++;
    this.#refusedInARow = 0;
    this.trouble = undefined;
    return true;
  }

  /** Notes a refusal. What is refused makes room for others in the window. */
  refused(pending: Pending, reason: string, scope: RefusalScope, nowMs: number): void {
    this.#refused++;
    this.#refusedInARow++;
    pending.refusal ??= {
      reason,
      scope,
      sinceMs: nowMs,
      stored: this.#stored,
      refused: this.#refused,
      own: 0,
    };
    Object.assign(pending.refusal, { reason, scope });
    pending.refusal.own++;
    if (pending.hasPlace) this.window.leave();
    pending.hasPlace = false;
  }

  /**
   * The state of the pending publications: unanswered ones will show by themselves whether the stream stores.
   */
  get asking(): Asking {
    for (const { refusal } of this.pending) if (refusal === undefined) return 'unanswered';
    return this.pending.size > 0 ? 'refused' : 'nothing';
  }

  /** Why a publication is given up now, so that it holds nothing up; undefined while it is to be tried. */
  verdict(
    { refusal, reason: lastReason, subject, firstSentMs, tries }: Pending,
    nowMs: number,
  ): NotStoredError | undefined {
    const give = (reason: string): NotStoredError => new NotStoredError(this.stream, subject, reason);
    if (refusal === undefined) {
      // The confirming publisher finds out about what is not committed.
      if (this.isGated || tries === 0 || lastReason === notCommitted) return undefined;
      if (nowMs - firstSentMs < giveUpAfterMs) return undefined;
      return give(this.trouble ?? 'JetStream does not answer');
    }
    const { reason, scope, sinceMs } = refusal;
    if (scope === 'subject') return give(reason);
    if (!this.isGated)
      return scope === 'unclear' || nowMs - sinceMs >= decideAfterMs ? give(reason) : undefined;
    const isWell = nowMs - this.#storedMs < wellForMs && this.#refusedInARow <= fewRefusals;
    if (scope === 'unclear' && isWell) return give(reason);
    if (nowMs - sinceMs < decideAfterMs) return undefined;
    // More of the others were stored since than refused: it is not the stream.
    const storedSince = this.#stored - refusal.stored;
    const othersRefused = this.#refused - refusal.refused + 1 - refusal.own;
    const isOld = scope === 'unclear' && nowMs - sinceMs > keepUnclearMs;
    return storedSince > (isOld ? 0 : othersRefused) ? give(reason) : undefined;
  }
}
