import { NatsError, type NatsConnection } from 'nats';
import { backOffMs, sleep, type Clock } from '../time.js';
import type { Delivery } from './delivery.js';
import { ensureConsumer } from './durable-consumer.js';
import { Pull } from './pull.js';
import { findStream, jetStreamManager } from './topology.js';

/** One message of a stream, handed out to be worked on. */
export interface Job {
  readonly subject: string;
  /** The first value of each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** As stored, byte for byte. */
  readonly data: Uint8Array;
  /** When the stream stored it, epoch milliseconds. */
  readonly storedAtMs: number;
  readonly streamSeq: number;
  /** Deliveries of this message so far, from 1. */
  readonly deliveries: number;
  /** Done for good. @returns false when the server has not confirmed it: it may be handed out again. */
  ack(): Promise<boolean>;
  /** Handed out again after this long. */
  redeliver(delayMs: number): void;
  /** It is done but for what cannot be stored: another is begun in its place, while it is kept as before. */
  setAside(): void;
}

/** How much of the queue is not done. */
export interface Backlog {
  waiting: number;
  /** When the oldest message that is not done was stored, epoch milliseconds; undefined when all are done. */
  oldestStoredAtMs: number | undefined;
}

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

export interface JobQueueEvents {
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

/**
 * The messages of a durable consumer as jobs. Each is handed out until it is acked, to one replica at a time, and again
 * when its process dies.
 *
 * NATS permissions: publish `$JS.API.CONSUMER.INFO.<stream>.<durable>`, `$JS.API.CONSUMER.MSG.NEXT.<stream>.<durable>`,
 * `$JS.ACK.<stream>.<durable>.>`; for `backlog` `$JS.API.STREAM.MSG.GET.<stream>`; to create or change the consumer
 * `$JS.API.CONSUMER.CREATE.<stream>.<durable>.>` and `$JS.API.STREAM.INFO.<stream>`; subscribe to the reply inbox.
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #parts: JobQueueParts;
  readonly #running = new Set<Promise<void>>();
  #aside = 0;
  #pull: Pull | undefined;

  constructor(options: JobQueueOptions, parts: JobQueueParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * Hands each job to `handle`, which has to `ack` or `redeliver` it; until then the job is kept. Trouble with NATS is
   * reported and outlasted. Once the signal is aborted no job is begun, what was handed out too late is given back at
   * once, and the returned promise resolves when all handlers have.
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
    // What the last handlers said has to be with the server before the connection closes.
    await Promise.race([connection.flush().catch(() => undefined), sleep(clock, ackTry.withinMs)]);
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
    const { stream, durable, filterSubject } = this.#options;
    const manager = await jetStreamManager(this.#parts.connection);
    const { num_pending, num_ack_pending, ack_floor } = await manager.consumers.info(stream, durable);
    const waiting = num_pending + num_ack_pending;
    if (waiting === 0) return { waiting, oldestStoredAtMs: undefined };
    // Everything up to the floor is done, and the first message after it is not.
    const query = { seq: ack_floor.stream_seq + 1, next_by_subj: filterSubject };
    try {
      const { time } = await manager.streams.getMessage(stream, query);
      return { waiting, oldestStoredAtMs: time.getTime() };
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === noMessageFound) {
        return { waiting, oldestStoredAtMs: undefined };
      }
      throw error;
    }
  }

  get #inWork(): number {
    return this.#running.size - Math.min(this.#aside, maxAside);
  }

  async #prepare(): Promise<void> {
    const { connection, isManaged, declareStreams } = this.#parts;
    const manager = await jetStreamManager(connection);
    if (isManaged && !(await findStream(manager, this.#options.stream))) await declareStreams();
    await ensureConsumer(manager, { ...this.#options, ackWaitMs }, isManaged);
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
    const text = Buffer.from(data).toString('utf8');
    let failure: unknown = new Error('the job was neither acked nor given back');
    try {
      await handle({
        subject,
        headers,
        text,
        data,
        storedAtMs,
        streamSeq,
        deliveries,
        ack,
        redeliver,
        setAside,
      });
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

const noMessageFound = 10037;
