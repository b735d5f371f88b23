import type { ConsumerInfo, NatsConnection } from 'nats';
import { isApiError } from '../error-codes.js';
import { backOffMs, settledWithin, type Clock } from '../../time.js';
import { ConsumerWatch, toldTimeMs, type ConsumerEvents } from './consumer-watch.js';
import type { Delivery } from './delivery.js';
import { ensureConsumer } from './durable-consumer.js';
import type { Backlog, Job } from './job.js';
import { Pull } from './pull.js';
import { findStream, jetStreamManager } from '../streams/topology.js';

export interface JobQueueOptions {
  stream: string;
  /** The name of the consumer, which all replicas share. */
  durable: string;
  filterSubject: string;
  /** Jobs in work at once, in this process. */
  maxInFlight: number;
  /** Jobs handed out and not done, in the cluster; -1 for no limit. */
  maxAckPending: number;
}

export interface JobQueueEvents extends ConsumerEvents {
  /** Nothing is handed out for this reason; it is tried again. */
  jobQueueFailed(durable: string, reason: string, retryInMs: number): void;
  /** The consumer answers, for the first time or after a failure. */
  jobQueueRunning(durable: string): void;
  /** A handler rejected, or settled nothing: a bug. The job is handed out again. */
  jobFailed(durable: string, error: unknown, retryInMs: number): void;
}

interface JobQueueParts {
  connection: NatsConnection;
  clock: Clock;
  events: JobQueueEvents;
  /** False: the consumer is someone else's, and neither created nor changed. */
  isManaged: boolean;
  /** Makes sure of the streams once more, when this one is gone. Not called unless `isManaged`. */
  declareStreams: () => Promise<void>;
}

/** A job of a process that died is handed out again after this long. */
const ackWaitMs = 15_000;
const expiresMs = 5_000;
/** A connection is back within this, usually; a job that is done is then not done twice. */
const ackTry = { tries: 3, withinMs: 2_000 };
/** Set aside at once, at most: each has had its call, and has it again when the process dies. */
const maxAside = 200;
const failedBackOff = { baseMs: 1_000, maxMs: 600_000 };
/** Clocks that are no further apart than this agree. */
const clocksApartMs = 5_000;
const askAgainMs = 5_000;

/**
 * The messages of a durable consumer as jobs. Each is handed out until it is acked, to one replica at a time,
 * and again when its process dies.
 *
 * NATS permissions: publish `$JS.API.CONSUMER.INFO.<stream>.<durable>`,
 * `$JS.API.CONSUMER.MSG.NEXT.<stream>.<durable>`, `$JS.ACK.<stream>.<durable>.>`; for `backlog`
 * `$JS.API.STREAM.MSG.GET.<stream>`; to create or change the consumer
 * `$JS.API.CONSUMER.CREATE.<stream>.<durable>.>` and `$JS.API.STREAM.INFO.<stream>`; subscribe to the reply
 * inbox.
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #parts: JobQueueParts;
  readonly #watch: ConsumerWatch;
  readonly #running = new Set<Promise<void>>();
  #aside = 0;
  #pull: Pull | undefined;
  #asked: { info: Promise<unknown>; atMs: number } | undefined;

  constructor(options: JobQueueOptions, parts: JobQueueParts) {
    this.#options = options;
    this.#parts = parts;
    this.#watch = new ConsumerWatch(parts.clock, parts.events);
  }

  /**
   * Hands each job to `handle`, which has to `ack` or `redeliver` it; until then the job is kept. Trouble
   * with NATS is reported and outlasted. Once the signal is aborted no job is begun, what was handed out too
   * late is given back at once, and the returned promise resolves when all handlers have.
   */
  async run(handle: (job: Job) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { connection, clock, events } = this.#parts;
    const { stream, durable, maxInFlight } = this.#options;
    const pull = new Pull({
      connection,
      clock,
      stream,
      durable,
      expiresMs,
      prepare: () => this.#prepare(),
      room: () => maxInFlight - this.#inWork,
      take: (delivery) => {
        if (pull.isStopped || this.#inWork >= maxInFlight) {
          pull.giveBack(delivery, 0);
          return;
        }
        const working = this.#work(pull, delivery, handle).finally(() => {
          this.#running.delete(working);
          pull.more();
        });
        this.#running.add(working);
      },
      onRunning: () => {
        events.jobQueueRunning(durable);
      },
      onFailure: (reason, retryInMs) => {
        events.jobQueueFailed(durable, reason, retryInMs);
      },
    });
    this.#pull = pull;
    await pull.run(signal);
    await Promise.all(this.#running);
    // The acks of the last handlers have to reach the server before the connection closes.
    await settledWithin(clock, ackTry.withinMs, connection.flush());
  }

  /** The connection is lost. */
  disconnected(): void {
    this.#pull?.disconnected();
  }

  /** The connection is back. */
  reconnected(): void {
    this.#pull?.reconnected();
  }

  /**
   * How much is not done, whether handed out or not.
   * @throws NatsError when NATS does not say.
   */
  async backlog(): Promise<Backlog> {
    const { stream, filterSubject } = this.#options;
    const info = await this.look();
    const { num_pending, num_ack_pending, ack_floor } = info;
    const waiting = num_pending + num_ack_pending;
    if (waiting === 0) return { waiting, ageMs: 0 };
    const manager = await jetStreamManager(this.#parts.connection);
    // Everything up to the floor is done, and the first message after it is not.
    const query = { seq: ack_floor.stream_seq + 1, next_by_subj: filterSubject };
    try {
      const { time } = await manager.streams.getMessage(stream, query);
      const nowMs = toldTimeMs(info) ?? this.#parts.clock.now();
      return { waiting, ageMs: Math.max(0, nowMs - time.getTime()) };
    } catch (error) {
      if (isApiError(error, 'noMessageFound')) return { waiting, ageMs: 0 };
      throw error;
    }
  }

  /**
   * Takes note of what NATS says of the consumer now: its clock, a pause. @throws NatsError when it says
   * nothing.
   */
  async look(): Promise<ConsumerInfo> {
    const { stream, durable } = this.#options;
    const manager = await jetStreamManager(this.#parts.connection);
    const info = await manager.consumers.info(stream, durable);
    this.#watch.informed(info);
    return info;
  }

  /** NATS is asked when what is known of its clock is not what the clock of this machine says, but seldom. */
  async #serverNowMs(storedAtMs: number): Promise<number> {
    const { clock } = this.#parts;
    const known = (): number => Math.max(this.#watch.serverNowMs ?? 0, storedAtMs);
    if (Math.abs(known() - clock.now()) > clocksApartMs) {
      const nowMs = clock.monotonicMs();
      if (nowMs - (this.#asked?.atMs ?? -Infinity) > askAgainMs)
        this.#asked = { info: this.look().catch(() => undefined), atMs: nowMs };
      await this.#asked?.info;
    }
    return known();
  }

  get #inWork(): number {
    return this.#running.size - Math.min(this.#aside, maxAside);
  }

  async #prepare(): Promise<void> {
    const { connection, isManaged, declareStreams } = this.#parts;
    const manager = await jetStreamManager(connection);
    if (isManaged && !(await findStream(manager, this.#options.stream))) await declareStreams();
    await ensureConsumer(manager, { ...this.#options, ackWaitMs }, isManaged, this.#watch);
  }

  async #work(pull: Pull, delivery: Delivery, handle: (job: Job) => Promise<void>): Promise<void> {
    const { clock, events } = this.#parts;
    let isSettled = false;
    const keepAlive = (): (() => void) =>
      clock.after(ackWaitMs / 3, () => {
        delivery.working();
        cancelKeepAlive = keepAlive();
      });
    let cancelKeepAlive = keepAlive();
    const redeliver = (delayMs: number): void => {
      isSettled = true;
      cancelKeepAlive();
      pull.giveBack(delivery, delayMs);
    };
    const ack = async (): Promise<boolean> => {
      isSettled = true;
      let isConfirmed = false;
      for (let tries = 0; !isConfirmed && tries < ackTry.tries; tries++) {
        isConfirmed = await delivery.ack(ackTry.withinMs);
      }
      cancelKeepAlive();
      return isConfirmed;
    };
    let isAside = false;
    const setAside = (): void => {
      if (isAside) return;
      isAside = true;
      this.#aside++;
      pull.more();
    };
    const { subject, headers, data, storedAtMs, streamSeq, deliveries } = delivery;
    const isNew = this.#watch.handedOut(delivery);
    const text = Buffer.from(data).toString('utf8');
    let failure: unknown = new Error('the job was neither acked nor given back');
    try {
      const place = { storedAtMs, streamSeq, deliveries, isNew };
      const serverNowMs = (): Promise<number> => this.#serverNowMs(storedAtMs);
      await handle({ subject, headers, text, data, ...place, serverNowMs, ack, redeliver, setAside });
    } catch (error) {
      failure = error;
    }
    if (isAside) this.#aside--;
    if (isSettled) return;
    const retryInMs = backOffMs(failedBackOff, deliveries);
    redeliver(retryInMs);
    events.jobFailed(this.#options.durable, failure, retryInMs);
  }
}
