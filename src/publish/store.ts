import { Events, type NatsConnection } from 'nats';
import { aborted, Recurring, retryUntilDone, sleep, type Clock } from '../time.js';
import { ConfirmedPublisher } from './confirmed-publisher.js';
import { connectBackOff, keepConnecting } from './connection.js';
import { refusalOf } from './refusal.js';
import { JobQueue, type JobQueueOptions } from './job-queue.js';
import { Permits } from './permits.js';
import { Publisher } from './publisher.js';
import { StoreGate } from './store-gate.js';
import type { StoreEvents, StoreOptions } from './store-options.js';
import { StreamReader } from './stream-reader.js';
import { declarePermitStream, declareStreams, jetStreamManager, streamNames, windowOf } from './topology.js';
import { WindowPast } from './window-past.js';

/** Streams that are as they were, and take nothing, are looked at again after this. */
const declareAgainMs = 5_000;
/** What another replica may have shortened again, from what it had read before, is lengthened again after this. */
const lookSoonMs = 10_000;
const lookEveryMs = 600_000;

/**
 * NATS as the worker needs it: somewhere to publish, whether that works, how long it remembers ids; and for the
 * follow-up a queue of jobs, and the rate of calls that all replicas share.
 */
export class Store {
  readonly gate: StoreGate;
  readonly publisher: ConfirmedPublisher;
  readonly #wire: Publisher;
  readonly #past: WindowPast;
  readonly #connection: NatsConnection;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #events: StoreEvents;
  /** What pulls from a consumer, and has to know when its requests are lost. */
  readonly #pulling: (JobQueue | Permits)[] = [];
  /** What the streams were made sure of. */
  #horizonMs = 0;
  #withFollowUps = false;
  /** Whether the windows of the follow-up half are to be as long as that of the events. */
  #isFollowing = false;
  #declaring = Promise.resolve();
  #again: Promise<void> | undefined;
  readonly #closed = new AbortController();
  readonly #looks: Recurring;

  /** Connects, and tries until it succeeds. @returns undefined when the signal is aborted first. */
  static async open(
    options: StoreOptions,
    clock: Clock,
    events: StoreEvents,
    signal: AbortSignal,
  ): Promise<Store | undefined> {
    const connection = await keepConnecting(options, clock, events, signal);
    if (!connection) return undefined;
    return new Store(connection, options, clock, events);
  }

  private constructor(connection: NatsConnection, options: StoreOptions, clock: Clock, events: StoreEvents) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#past = new WindowPast(clock);
    this.#events = {
      ...events,
      idsKnownSince: (stream, sinceMs, windowMs) => {
        this.#past.note(stream, sinceMs, windowMs);
      },
    };
    this.gate = new StoreGate((reason) => {
      events.storeGate(reason);
    });
    this.#wire = new Publisher({
      connection,
      gate: this.gate,
      clock,
      maxInFlight: options.maxPublishesInFlight,
      ackTimeoutMs: options.ackTimeoutMs,
      onTrouble: (reason) => {
        events.publishTrouble(reason);
      },
      onNoStream: () => {
        void this.#declareAgain();
      },
    });
    this.publisher = new ConfirmedPublisher({
      wire: this.#wire,
      reader: this.reader(),
      clock,
      events,
      past: this.#past,
    });
    const { signal } = this.#closed;
    this.#looks = new Recurring({ clock, everyMs: lookEveryMs, signal, work: () => this.#lookAgain() });
    void this.#followStatus();
  }

  /** Rejects when the connection is closed for good; the process cannot go on then. */
  async closed(): Promise<never> {
    const cause = await this.#connection.closed();
    throw new Error('the connection to NATS is closed for good', { cause });
  }

  /** Makes sure that the streams are there and remember ids for at least this long. Gives up when `signal` is aborted. */
  async ensureHorizon(horizonMs: number, signal: AbortSignal): Promise<void> {
    await this.#declare(horizonMs, false, signal);
  }

  /**
   * Makes sure that the streams of the follow-up half are there. With the horizon `auto` they remember ids for as long
   * as the events do, which only the relay can know; without events yet, for four days, the usual retention of a queue.
   */
  async ensureFollowUpStreams(horizonMs: number | 'auto', signal: AbortSignal): Promise<void> {
    if (!this.#options.manageStreams) return;
    this.#isFollowing = horizonMs === 'auto';
    const wantedMs = horizonMs === 'auto' ? await this.#eventsWindowMs(signal) : horizonMs;
    if (wantedMs !== undefined) await this.#declare(wantedMs, true, signal);
  }

  /** The messages of a stream as jobs, shared by all who give the same name to the consumer. */
  jobQueue(stream: 'events' | 'followUps', options: Omit<JobQueueOptions, 'stream'>): JobQueue {
    const name = streamNames(this.#options.prefix)[stream];
    const { manageStreams: isManaged } = this.#options;
    const queue = new JobQueue(
      { ...options, stream: name },
      { ...this.#own, isManaged, declareStreams: () => this.#declareAgain() },
    );
    this.#pulling.push(queue);
    return queue;
  }

  /** The right to call VOD for an account, shared by all who use the same prefix. Close it before the store. */
  permits(account: string, perSecond: number): Permits {
    const { prefix, manageStreams: isManaged, streamReplicas: replicas } = this.#options;
    const permits = new Permits(
      { account, perSecond, prefix },
      {
        ...this.#own,
        isManaged,
        createStream: async () => {
          if (!isManaged) return;
          const manager = await jetStreamManager(this.#connection);
          await declarePermitStream(manager, { prefix, replicas }, this.#events);
        },
      },
    );
    this.#pulling.push(permits);
    return permits;
  }

  /** For commands that look at what is stored, or delete it. It ends with the store. */
  reader(): StreamReader {
    return new StreamReader(this.#connection, this.#clock);
  }

  /** Call when nothing is in flight any more: every PubAck that matters is here already. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#wire.close();
    await this.#connection.close();
  }

  async #declare(horizonMs: number, withFollowUps: boolean, signal: AbortSignal): Promise<void> {
    const isDone = (): boolean => horizonMs <= this.#horizonMs && (this.#withFollowUps || !withFollowUps);
    if (!this.#options.manageStreams || isDone()) return;
    this.#declaring = this.#declaring.then(async () => {
      if (signal.aborted || isDone()) return;
      await this.#declareNow(horizonMs, withFollowUps, signal);
      if (signal.aborted) return;
      this.#horizonMs = Math.max(horizonMs, this.#horizonMs);
      this.#withFollowUps ||= withFollowUps;
      this.#looks.within(lookSoonMs);
    });
    // Another declaration may come before, and take for ever.
    await Promise.race([this.#declaring, aborted(signal)]);
  }

  /** Streams that are there may have changed as well, and what the follow-up half goes by. */
  async #lookAgain(): Promise<void> {
    await this.#declareAgain();
    if (this.#isFollowing) await this.ensureFollowUpStreams('auto', this.#closed.signal);
  }

  /** Somebody may have deleted a stream: makes sure once more of what was made sure of before, as a new process would. */
  #declareAgain(): Promise<void> {
    if (this.#again) return this.#again;
    const { signal } = this.#closed;
    const again = this.#declaring.then(async () => {
      if (this.#horizonMs > 0) await this.#declareNow(this.#horizonMs, this.#withFollowUps, signal);
    });
    this.#declaring = again;
    this.#again = again;
    void again
      .then(() => sleep(this.#clock, declareAgainMs, signal))
      .then(() => {
        this.#again = undefined;
      });
    return again;
  }

  async #declareNow(horizonMs: number, withFollowUps: boolean, signal: AbortSignal): Promise<void> {
    const { prefix, streamReplicas: replicas, retention } = this.#options;
    await declareStreams({
      ...this.#own,
      prefix,
      replicas,
      ...retention,
      horizonMs,
      withFollowUps,
      signal,
    });
  }

  async #eventsWindowMs(signal: AbortSignal): Promise<number | undefined> {
    const { events } = streamNames(this.#options.prefix);
    // A stream that somebody has deleted is made again as it was.
    return await retryUntilDone(() => windowOf(this.#connection, events, this.#horizonMs || undefined), {
      clock: this.#clock,
      backOff: connectBackOff,
      signal,
      onFailure: (error, retryInMs) => {
        this.#events.declareFailed(events, (error as Error).message, retryInMs);
      },
    });
  }

  get #own(): { connection: NatsConnection; clock: Clock; events: StoreEvents } {
    return { connection: this.#connection, clock: this.#clock, events: this.#events };
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      const { type, data } = status;
      const detail = typeof data === 'string' ? data : '';
      if (type === Events.Disconnect) {
        this.#events.disconnected(detail);
        this.#wire.disconnected();
        for (const each of this.#pulling) each.disconnected();
      } else if (type === Events.Reconnect) {
        this.#events.reconnected(detail);
        this.#wire.reconnected();
        for (const each of this.#pulling) each.reconnected();
      } else if (type === Events.Error) {
        this.#events.refused(refusalOf(this.#connection, status));
      }
    }
  }
}
