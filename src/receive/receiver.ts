import { setMaxListeners } from 'node:events';
import { backOffMs, sleep, type Clock } from '../time.js';
import { AckBatch } from './ack-batch.js';
import { EmptyPolls } from './empty-poll.js';
import type { ByteBudget, Reservation } from './byte-budget.js';
import { InFlight } from './in-flight.js';
import type { Lease } from './lease.js';
import { MnsError, ownCodes } from './mns-error.js';
import { PollOverdueError, PollWatch } from './poll-watch.js';
import type { Delivery, Queue } from './queue.js';
import type { Admission, ReceiverEvents, StoreGate } from './receiver-events.js';
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
  /** Shared by all queues. */
  budget: ByteBudget;
  clock: Clock;
  events: ReceiverEvents;
  /** Carries one message to its outcome, and the lease to its end. Must not reject. */
  handle: (lease: Lease) => Promise<unknown>;
}

const failureBackOff = { baseMs: 500, maxMs: 30_000 };
/** After a poll without an answer, which has waited long already: the network may be back at any moment. */
const silenceBackOff = { baseMs: 500, maxMs: 2_000 };
/** Whoever waited for less to poll has not waited. */
const longWaitMs = 1_000;
/** How long polls may bring messages after a stop, before they are cut: a cut can strand a message. */
const lastAnswersMs = 1_000;

type Failure = 'failed' | 'silent' | 'cut';

/** Receives from one queue: as many long polls as the load asks for, and leases for what they bring. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #slots: Slots;
  readonly #acks: AckBatch;
  readonly #stopping = new AbortController();
  readonly #polls = new Set<AbortController>();
  readonly #pollers = new Set<Promise<void>>();
  readonly #inFlight: InFlight;
  readonly #watch: PollWatch;
  /** Pollers that wait for leave to poll. */
  #waiting = 0;
  /** Pollers that have not made up their mind to end. */
  #wanted = 0;
  /** Failures since a poll last worked, over all pollers. */
  #failures = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    setMaxListeners(0, this.#stopping.signal);
    const { queue, visibilityMs, receive, ack, clock, events } = options;
    this.#slots = new Slots(receive.maxInFlight);
    this.#watch = new PollWatch(clock, receive.waitMs);
    this.#acks = new AckBatch({
      queue,
      size: ack.batch,
      lingerMs: ack.lingerMs,
      clock,
      onFailure: (error, messages) => {
        events.ackFailed(queue.name, error, messages);
      },
    });
    const { budget, handle } = options;
    const [acks, slots, { maxLeaseMs }] = [this.#acks, this.#slots, receive];
    this.#inFlight = new InFlight({ queue, visibilityMs, maxLeaseMs, acks, slots, clock, budget, handle });
  }

  get queueName(): string {
    return this.#options.queue.name;
  }

  /** Messages received and not yet settled. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  get pollers(): number {
    return this.#pollers.size;
  }

  /** Why only a restart can help, in words; undefined while all is well or an outage explains it. */
  get stuck(): string | undefined {
    const mayPoll = this.#waiting < this.#pollers.size && !this.#stopping.signal.aborted;
    if (mayPoll && this.#watch.isStuck)
      return 'no poll has returned, and neither have those that replaced it';
    if (this.#inFlight.isStuck) return 'a message is still in work though its lease has ended';
    return undefined;
  }

  start(): void {
    this.#watch.resume();
    for (let i = 0; i < this.#options.receive.pollers.min; i++) this.#addPoller();
  }

  /** Begins no new poll, and resolves when the last has ended; its messages are in flight like the rest. */
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
    await this.#inFlight.drain();
  }

  /** Asks for everything in flight to be released or abandoned. */
  interrupt(how: 'release' | 'abandon'): void {
    if (how === 'abandon') {
      this.#stopping.abort();
      this.#cutPolls();
    }
    this.#inFlight.interrupt(how);
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
    const { receive, gate, budget, clock, events } = this.#options;
    const stop = this.#stopping.signal;
    const empty = new EmptyPolls();
    for (let failures = 0, isSilent = false; ;) {
      const askedMs = clock.monotonicMs();
      this.#waiting++;
      const room = await this.#slots.take(receive.batch, stop);
      const reservation = await budget.reserve(room, this.#inFlight.expectedBytes, stop);
      const admission = await gate.admit(reservation.messages, stop);
      const slots = admission.limit;
      this.#slots.give(room - slots);
      reservation.shrink(slots * this.#inFlight.expectedBytes);
      this.#waiting--;
      if (clock.monotonicMs() - askedMs >= longWaitMs) this.#watch.resume();
      if (stop.aborted) {
        this.#slots.give(slots);
        reservation.settle(0);
        return;
      }
      const startedMs = clock.monotonicMs();
      // Whether MNS answers again is seen sooner by a poll that does not wait.
      const waitSeconds = isSilent || admission.isProbe ? 0 : Math.round(receive.waitMs / 1000);
      const received = await this.#poll(slots, waitSeconds, failures + 1, { admission, reservation });
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
        // Counted down at once: two that decide in the same moment must not both leave to the other to stay.
        this.#wanted--;
        return;
      }
      if (admission.isProbe) {
        await sleep(clock, backOffMs(silenceBackOff, 1), stop);
        continue;
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
   * @returns how many messages it brought, or how it failed: `silent` without an answer. Never rejects.
   */
  async #poll(
    slots: number,
    waitSeconds: number,
    nthFailure: number,
    { admission, reservation }: { admission: Admission; reservation: Reservation },
  ): Promise<number | Failure> {
    const { queue, clock, events } = this.#options;
    const poll = new AbortController();
    this.#polls.add(poll);
    let deliveries: Delivery[] = [];
    try {
      const answer = queue.receive(slots, waitSeconds, poll.signal, reservation.read);
      deliveries = await this.#watch.over(answer, () => {
        poll.abort();
      });
    } catch (error) {
      this.#slots.give(slots);
      admission.done(0);
      reservation.settle(0);
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
    admission.done(deliveries.length);
    const oldestMs = Math.min(...deliveries.map(({ message }) => message.enqueuedAtMs));
    events.received(queue.name, deliveries.length, oldestMs);
    this.#inFlight.begin(deliveries, reservation);
    return deliveries.length;
  }
}
