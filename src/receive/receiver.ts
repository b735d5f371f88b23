import { backOffMs, sleep, type Clock } from '../time.js';
import { AckBatch } from './ack-batch.js';
import { EmptyPolls } from './empty-poll.js';
import { Lease } from './lease.js';
import { MnsError, ownCodes } from './mns-error.js';
import { PollOverdueError, PollWatch } from './poll-watch.js';
import type { Delivery, Queue } from './queue.js';
import type { ReceiverEvents, StoreGate } from './receiver-events.js';
import { Slots } from './slots.js';

export interface ReceiverOptions {
  queue: Pick<Queue, 'name' | 'receive' | 'delete' | 'changeVisibility' | 'close'>;
  /** The queue's visibility timeout, from its attributes. */
  visibilityMs: number;
  receive: {
    batch: number;
    waitMs: number;
    maxInFlight: number;
    maxLeaseMs: number;
    pollers: { min: number; max: number };
  };
  ack: { batch: number; lingerMs: number };
  gate: StoreGate;
  clock: Clock;
  events: ReceiverEvents;
  /** Carries one message to its outcome, and the lease to its end. Must not reject. */
  handle: (lease: Lease) => Promise<unknown>;
}

const failureBackOff = { baseMs: 500, maxMs: 30_000 };
/** After a poll without an answer, which has waited for long already: the network may be back at any moment. */
const silenceBackOff = { baseMs: 500, maxMs: 2_000 };
/** A message still in work this long after its lease must have ended never ends by itself. */
const stuckAfterMs = 60_000;
/** How long polls may still bring messages after a stop, before they are cut off: cutting one can strand a message. */
const lastAnswersMs = 1_000;

type Failure = 'failed' | 'silent' | 'cut';

/** Receives from one queue: long polls side by side, as many as the load asks for, and leases for what they bring. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #slots: Slots;
  readonly #acks: AckBatch;
  readonly #stopping = new AbortController();
  readonly #polls = new Set<AbortController>();
  readonly #pollers = new Set<Promise<void>>();
  readonly #leases = new Map<Lease, Promise<unknown>>();
  readonly #watch: PollWatch;
  #visibilityMs: number;
  /** Pollers that have not made up their mind to end. */
  #wanted = 0;
  /** Failures since a poll last worked, over all pollers. */
  #failures = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { queue, visibilityMs, receive, ack, clock, events, gate } = options;
    this.#slots = new Slots(receive.maxInFlight);
    this.#watch = new PollWatch(clock, receive.waitMs);
    this.#visibilityMs = visibilityMs;
    this.#acks = new AckBatch({
      queue,
      size: ack.batch,
      lingerMs: ack.lingerMs,
      clock,
      onFailure: (error, messages) => {
        events.ackFailed(queue.name, error, messages);
      },
    });
    gate.onClose(() => {
      this.#cutPolls();
    });
  }

  get queueName(): string {
    return this.#options.queue.name;
  }

  /** Messages received and not yet settled. */
  get inFlight(): number {
    return this.#leases.size;
  }

  get pollers(): number {
    return this.#pollers.size;
  }

  /** Why only a restart of the process can help, in words; undefined while all is well or an outage explains it. */
  get stuck(): string | undefined {
    const { gate, receive, clock } = this.#options;
    const canPoll = gate.isOpen && this.inFlight < receive.maxInFlight && !this.#stopping.signal.aborted;
    if (canPoll && this.#watch.isStuck)
      return 'no poll has returned, and neither have those that replaced it';
    const [oldest] = this.#leases.keys();
    if (oldest && clock.monotonicMs() > oldest.endsByMs + stuckAfterMs)
      return 'a message is still in work though its lease has ended';
    return undefined;
  }

  start(): void {
    this.#watch.resume();
    for (let i = 0; i < this.#options.receive.pollers.min; i++) this.#addPoller();
  }

  /** Begins no new poll, and resolves when the last poll has ended. What it brought is in flight like the rest. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const cancel = this.#options.clock.after(lastAnswersMs, () => {
      this.#cutPolls();
    });
    await Promise.all(this.#pollers);
    cancel();
  }

  /** Resolves when everything in flight is settled. Call after `stop`. */
  async drain(): Promise<void> {
    while (this.#leases.size > 0) {
      this.#acks.flush();
      await Promise.all(this.#leases.values());
    }
  }

  /** Asks for everything in flight to be released or abandoned. */
  interrupt(how: 'release' | 'abandon'): void {
    if (how === 'abandon') {
      this.#stopping.abort();
      this.#cutPolls();
    }
    for (const lease of this.#leases.keys()) lease.interrupt(how);
  }

  async close(): Promise<void> {
    await this.#options.queue.close();
  }

  #cutPolls(): void {
    for (const poll of this.#polls) poll.abort();
  }

  #addPoller(): void {
    this.#wanted++;
    const poller = this.#pollUntilIdle().finally(() => this.#pollers.delete(poller));
    this.#pollers.add(poller);
  }

  /** One poller: polls until stop, or until an empty poll while there are more pollers than the least. */
  async #pollUntilIdle(): Promise<void> {
    const { receive, gate, clock, events } = this.#options;
    const stop = this.#stopping.signal;
    const empty = new EmptyPolls();
    for (let failures = 0, isSilent = false; ;) {
      const hasToWait = !gate.isOpen || this.inFlight >= receive.maxInFlight;
      await gate.whenOpen(stop);
      const slots = await this.#slots.take(receive.batch, stop);
      if (hasToWait) this.#watch.resume();
      if (stop.aborted || !gate.isOpen) {
        this.#slots.give(slots);
        if (stop.aborted) return;
        continue;
      }
      const startedMs = clock.monotonicMs();
      // Whether MNS answers again is seen sooner by a poll that does not wait.
      const waitSeconds = isSilent ? 0 : Math.round(receive.waitMs / 1000);
      const received = await this.#poll(slots, waitSeconds, failures + 1);
      if (received === 'cut') continue;
      const wasSilent = isSilent;
      isSilent = received === 'silent';
      if (typeof received === 'string') {
        failures++;
        continue;
      }
      failures = 0;
      if (received === receive.batch && this.#wanted < receive.pollers.max && !stop.aborted)
        this.#addPoller();
      if (received > 0) {
        empty.reset();
        continue;
      }
      if (this.#wanted > receive.pollers.min) {
        // Counted down at once: two that decide in the same moment must not both take the other for the one that stays.
        this.#wanted--;
        return;
      }
      // That a poll without a wait came back empty says only that MNS answers again.
      if (wasSilent) continue;
      const { pauseMs, isCapped } = empty.next(waitSeconds * 1000, clock.monotonicMs() - startedMs);
      if (isCapped) events.pollEndedEarly(this.queueName, pauseMs);
      if (pauseMs > 0) await sleep(clock, pauseMs, stop);
    }
  }

  /**
   * One long poll into `slots` free slots, with its back-off if it is this poller's `nthFailure` in a row.
   * @returns how many messages it brought, or how it failed: `silent` when there was no answer. Never rejects.
   */
  async #poll(slots: number, waitSeconds: number, nthFailure: number): Promise<number | Failure> {
    const { queue, clock, events } = this.#options;
    const poll = new AbortController();
    this.#polls.add(poll);
    let deliveries: Delivery[] = [];
    try {
      const answer = queue.receive(slots, waitSeconds, poll.signal);
      deliveries = await this.#watch.over(answer, () => {
        poll.abort();
      });
    } catch (error) {
      this.#slots.give(slots);
      const isOverdue = error instanceof PollOverdueError;
      if (poll.signal.aborted && !isOverdue) return 'cut';
      this.#failures++;
      const isSilent = isOverdue || (error instanceof MnsError && error.code === ownCodes.timedOut);
      const retryInMs = backOffMs(isSilent ? silenceBackOff : failureBackOff, nthFailure);
      events.receiveFailed(queue.name, error, retryInMs);
      await sleep(clock, retryInMs, this.#stopping.signal);
      return isSilent ? 'silent' : 'failed';
    } finally {
      this.#polls.delete(poll);
    }
    if (this.#failures > 0) {
      events.receiveRecovered(queue.name, this.#failures);
      this.#failures = 0;
    }
    this.#slots.give(slots - deliveries.length);
    const oldestMs = Math.min(...deliveries.map(({ message }) => message.enqueuedAtMs));
    events.received(queue.name, deliveries.length, oldestMs);
    for (const delivery of deliveries) this.#begin(delivery);
    return deliveries.length;
  }

  #begin(delivery: Delivery): void {
    const { queue, receive, clock, handle } = this.#options;
    this.#visibilityMs = delivery.visibilityMs ?? this.#visibilityMs;
    const lease = new Lease({
      queue,
      acks: this.#acks,
      delivery,
      visibilityMs: this.#visibilityMs,
      maxLeaseMs: receive.maxLeaseMs,
      clock,
    });
    const handled = handle(lease).finally(() => {
      lease.abandon();
      this.#leases.delete(lease);
      this.#slots.give(1);
    });
    this.#leases.set(lease, handled);
  }
}
