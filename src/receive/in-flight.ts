import type { Clock } from '../time.js';
import type { AckBatch } from './ack-batch.js';
import { BodySizes, messageBytes, type ByteBudget, type Reservation } from './byte-budget.js';
import { Lease, type Interruption } from './lease.js';
import type { Delivery, Queue } from './queue.js';
import type { Slots } from './slots.js';

export interface InFlightOptions {
  queue: Pick<Queue, 'name' | 'changeVisibility'>;
  /** The queue's visibility timeout, from its attributes. */
  visibilityMs: number;
  maxLeaseMs: number;
  acks: AckBatch;
  clock: Clock;
  /** Given back as messages are settled. */
  slots: Slots;
  budget: ByteBudget;
  /** Carries one message to its outcome, and the lease to its end. Must not reject. */
  handle: (lease: Lease) => Promise<unknown>;
}

/** A message still in work this long after its lease must have ended never ends by itself. */
const stuckAfterMs = 60_000;

/** The messages of one queue that are received and not yet settled. */
export class InFlight {
  readonly #options: InFlightOptions;
  readonly #leases = new Map<Lease, Promise<unknown>>();
  readonly #sizes = new BodySizes();
  #visibilityMs: number;

  constructor(options: InFlightOptions) {
    this.#options = options;
    this.#visibilityMs = options.visibilityMs;
  }

  get count(): number {
    return this.#leases.size;
  }

  /** A message is still in work though its lease has ended long ago. */
  get isStuck(): boolean {
    const [oldest] = this.#leases.keys();
    return oldest !== undefined && this.#options.clock.monotonicMs() > oldest.endsByMs + stuckAfterMs;
  }

  /** The expected share of one message in the budget, by the messages before it. */
  get expectedBytes(): number {
    return this.#sizes.expected;
  }

  /** Hands on what a poll has brought into slots and bytes that were taken for it. */
  begin(deliveries: readonly Delivery[], reservation: Reservation): void {
    const sizes = deliveries.map(
      ({ message }) => message.bodyBytes?.length ?? Buffer.byteLength(message.body),
    );
    this.#sizes.seen(sizes);
    const bytes = sizes.map(messageBytes);
    reservation.settle(bytes.reduce((sum, each) => sum + each, 0));
    deliveries.forEach((delivery, index) => {
      this.#begin(delivery, bytes[index] ?? 0);
    });
  }

  #begin(delivery: Delivery, bytes: number): void {
    const { queue, acks, maxLeaseMs, clock, handle, slots, budget } = this.#options;
    const visibilityMs = (this.#visibilityMs = delivery.visibilityMs ?? this.#visibilityMs);
    const lease = new Lease({ queue, acks, delivery, visibilityMs, maxLeaseMs, clock });
    const handled = handle(lease).finally(() => {
      lease.abandon();
      this.#leases.delete(lease);
      slots.give(1);
      budget.give(bytes);
    });
    this.#leases.set(lease, handled);
  }

  /** Resolves when everything is settled. */
  async drain(): Promise<void> {
    while (this.#leases.size > 0) {
      this.#options.acks.flush();
      await Promise.all(this.#leases.values());
    }
  }

  interrupt(how: Interruption): void {
    for (const lease of this.#leases.keys()) lease.interrupt(how);
  }
}
