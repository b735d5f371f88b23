import type { Clock } from '../time.js';
import type { AckBatch } from './ack-batch.js';
import { MnsError } from './mns-error.js';
import type { Delivery, Queue, ReceivedMessage } from './queue.js';

/** Why work under a lease has to end: it is lost, or the worker wants the message released or abandoned. */
export type Interruption = 'lost' | 'release' | 'abandon';

export interface LeaseOptions {
  queue: Pick<Queue, 'name' | 'changeVisibility'>;
  acks: AckBatch;
  delivery: Delivery;
  /** The queue's visibility timeout. */
  visibilityMs: number;
  /** A lease is renewed until it is this old. */
  maxLeaseMs: number;
  clock: Clock;
}

/**
 * One received message while we hold it: the only owner of its receipt handle. It is renewed at half life; a
 * renewal returns a new handle and the old one is void. It ends in exactly one of acked, released, lost,
 * abandoned, and says so through `signal` when it ends without the holder's doing. A message that came
 * without a handle can only be lost or abandoned.
 */
export class Lease {
  readonly message: ReceivedMessage;
  readonly queueName: string;
  readonly #queue: LeaseOptions['queue'];
  readonly #acks: AckBatch;
  readonly #clock: Clock;
  readonly #visibilityMs: number;
  readonly #renewUntilMs: number;
  readonly #interrupt = new AbortController();
  #interruption: Interruption | undefined;
  #receiptHandle: string;
  /** Monotonic time at which the queue may hand the message to another. */
  #endsAtMs: number;
  #renewal: Promise<void> | undefined;
  #cancelTimer: () => void = () => undefined;
  #ended = false;

  constructor({ queue, acks, delivery, visibilityMs, maxLeaseMs, clock }: LeaseOptions) {
    this.message = delivery.message;
    this.queueName = queue.name;
    this.#queue = queue;
    this.#acks = acks;
    this.#clock = clock;
    this.#receiptHandle = delivery.receiptHandle;
    this.#visibilityMs = visibilityMs;
    this.#endsAtMs = delivery.receivedAtMs + visibilityMs;
    this.#renewUntilMs = delivery.receivedAtMs + maxLeaseMs;
    this.#schedule();
  }

  /** Aborted with an Interruption as its reason when the work on this message must end. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Monotonic time by which the lease has ended, whatever happens. */
  get endsByMs(): number {
    return this.#renewUntilMs + this.#visibilityMs;
  }

  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Asks the holder to end its work. After `abandon` nothing is said to the queue any more. */
  interrupt(how: Interruption): void {
    if (how === 'abandon') this.#end();
    this.#interruption = how;
    this.#interrupt.abort(how);
  }

  /**
   * Deletes the message for good; only after its event, or its dead letter, is stored. Retries while the
   * lease lives.
   * @returns false when the lease is lost first: the queue will hand the message out again.
   */
  async ack(): Promise<boolean> {
    await this.#settleRenewal();
    if (this.#receiptHandle === '') this.#end();
    if (this.#ended) return false;
    const deleted = await this.#acks.delete({
      receiptHandle: () => this.#receiptHandle,
      isAlive: () => !this.#ended && this.#clock.monotonicMs() < this.#endsAtMs,
    });
    this.#end();
    return deleted;
  }

  /**
   * Gives the message back, visible to any replica after `delaySeconds` (at least 1; MNS knows no 0).
   * @returns false when that failed: the message becomes visible when its timeout ends.
   */
  async release(delaySeconds: number): Promise<boolean> {
    await this.#settleRenewal();
    if (this.#receiptHandle === '') this.#end();
    if (this.#ended) return false;
    this.#end();
    try {
      await this.#queue.changeVisibility(this.#receiptHandle, delaySeconds);
      return true;
    } catch {
      return false;
    }
  }

  /** Lets go without a word: the queue hands the message out again when the visibility timeout ends. */
  abandon(): void {
    this.#end();
  }

  #schedule(): void {
    const halfLifeMs = (this.#endsAtMs - this.#clock.monotonicMs()) / 2;
    this.#cancelTimer = this.#clock.after(halfLifeMs, () => {
      this.#renewal = this.#renewInTime().finally(() => (this.#renewal = undefined));
    });
  }

  /**
   * A renewal whose answer does not come while the lease lives has failed; nobody waits for it any longer.
   */
  async #renewInTime(): Promise<void> {
    let cancel = (): void => undefined;
    const lapse = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#endsAtMs - this.#clock.monotonicMs(), () => {
        this.#lose();
        resolve();
      });
    });
    await Promise.race([this.#renew(), lapse]);
    cancel();
  }

  async #renew(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    if (startedMs >= this.#renewUntilMs || this.#receiptHandle === '') {
      this.#lose();
      return;
    }
    try {
      this.#receiptHandle = await this.#queue.changeVisibility(
        this.#receiptHandle,
        Math.ceil(this.#visibilityMs / 1000),
      );
      this.#endsAtMs = startedMs + this.#visibilityMs;
    } catch (error) {
      // Any other failure may have taken effect, and then the handle we hold is void.
      const mayTryAgain = error instanceof MnsError && error.isRefusedForNow;
      if (!mayTryAgain || this.#clock.monotonicMs() > this.#endsAtMs - this.#visibilityMs / 8) {
        this.#lose();
        return;
      }
    }
    if (!this.#ended) this.#schedule();
  }

  async #settleRenewal(): Promise<void> {
    this.#cancelTimer();
    await this.#renewal;
    this.#cancelTimer();
  }

  #lose(): void {
    if (this.#ended) return;
    this.#end();
    this.interrupt('lost');
  }

  #end(): void {
    this.#ended = true;
    this.#cancelTimer();
  }
}
