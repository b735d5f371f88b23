import { ErrorCode, type JetStreamManager, type NatsConnection } from 'nats';
import { apiErrorOf, isApiError, isClientError } from '../error-codes.js';
import { backOffMs, sleep, type Clock } from '../../time.js';
import { PullConsumer, type PullStart } from './pull-consumer.js';
import { plainHeaders, type StoredMessage } from './stored-message.js';

export type { StoredMessage } from './stored-message.js';

export interface ReadOptions {
  stream: string;
  /** May hold wildcards. All subjects when it is absent. */
  filterSubject?: string;
  /** Begins with the first message of this sequence number or a higher one. Stronger than `startTimeMs`. */
  startSeq?: number;
  /** Epoch milliseconds: begins with the first message that was stored then or later. */
  startTimeMs?: number;
}

/** The content of a stream. */
export interface StreamState {
  readonly messages: number;
  /** The sequence number of the newest message there ever was; 0 when there was none. */
  readonly lastSeq: number;
  /** The server that leads the stream; undefined without a cluster. */
  readonly leader?: string;
  /** Whether most of its copies follow the leader at this moment. */
  readonly hasQuorum: boolean;
}

const callBackOff = { baseMs: 100, maxMs: 2_000 };
/** Long enough for a new leader, and for a reconnect to another server. */
const patienceMs = 30_000;

/** A leader hears from those that follow it every second. */
const followsWithinNanos = 3_000_000_000;

/**
 * Reads streams, and deletes from them, for commands. Every call is tried again while NATS does not answer,
 * for 30 seconds; after that, and when NATS refuses, it throws the NatsError. All throw the reason of their
 * signal, if they are given one, when that is aborted, and an Error that names the stream when there is none
 * of that name.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;

  constructor(connection: NatsConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /**
   * The messages of a stream in its order, up to its end as it is at the first step: what is stored later is
   * left out. Holds a few hundred messages at a time, whatever the stream holds, and goes on with the next
   * message after a reconnect. The caller may take any time over a message, and may delete it.
   */
  async *read(options: ReadOptions, signal: AbortSignal): AsyncGenerator<StoredMessage, void, undefined> {
    const { stream, filterSubject, startSeq, startTimeMs } = options;
    const { lastSeq } = await this.state(stream, signal);
    let start: PullStart =
      startSeq === undefined && startTimeMs !== undefined
        ? { timeMs: startTimeMs }
        : { seq: Math.max(1, startSeq ?? 1) };
    let consumer: PullConsumer | undefined;
    const pull = async (): Promise<readonly StoredMessage[]> => {
      consumer ??= await PullConsumer.create(this.#connection, this.#clock, { stream, filterSubject, start });
      return await consumer.pull(signal);
    };
    try {
      while (!('seq' in start) || start.seq <= lastSeq) {
        const messages = await this.#untilAnswered(stream, signal, () =>
          pull().catch((error: unknown) => {
            consumer = undefined;
            throw error;
          }),
        );
        for (const message of messages) {
          if (message.seq > lastSeq) return;
          yield message;
          start = { seq: message.seq + 1 };
        }
        if (messages.length === 0) return;
        if (consumer?.isBroken) consumer = undefined;
      }
    } finally {
      consumer?.remove();
    }
  }

  /** The message of this sequence number. @returns undefined when it is not in the stream, or no longer. */
  async get(stream: string, seq: number, signal?: AbortSignal): Promise<StoredMessage | undefined> {
    return await this.#find(stream, { seq }, signal);
  }

  /** The first message of this sequence number or a higher one on the subject, which may hold wildcards. */
  async nextOnSubject(
    stream: string,
    seq: number,
    subject: string,
    signal?: AbortSignal,
  ): Promise<StoredMessage | undefined> {
    return await this.#find(stream, { seq, next_by_subj: subject }, signal);
  }

  /** The last message on the subject, which holds no wildcards. The server finds it without a search. */
  async lastOnSubject(
    stream: string,
    subject: string,
    signal?: AbortSignal,
  ): Promise<StoredMessage | undefined> {
    return await this.#find(stream, { last_by_subj: subject }, signal);
  }

  /** Deletes the message. @returns false when it was not there. */
  async remove(stream: string, seq: number, signal?: AbortSignal): Promise<boolean> {
    try {
      // Overwriting the bytes as well would rewrite a block for each message.
      return await this.#ask(stream, signal, ({ streams }) => streams.deleteMessage(stream, seq, false));
    } catch (error) {
      // The server says it in different words: `not found`, `no message found`, `stream store EOF`.
      if (apiErrorOf(error) === undefined || (await this.get(stream, seq, signal))) throw error;
      return false;
    }
  }

  async state(stream: string, signal?: AbortSignal): Promise<StreamState> {
    const { state, cluster } = await this.#ask(stream, signal, ({ streams }) => streams.info(stream));
    const others = cluster?.replicas ?? [];
    const following = others.filter(
      ({ current, offline, active }) => current && !offline && active < followsWithinNanos,
    );
    return {
      messages: state.messages,
      lastSeq: state.last_seq,
      ...(cluster?.leader !== undefined && { leader: cluster.leader }),
      hasQuorum: 2 * (following.length + 1) > others.length + 1,
    };
  }

  async #find(
    stream: string,
    query: { seq: number; next_by_subj?: string } | { last_by_subj: string },
    signal: AbortSignal | undefined,
  ): Promise<StoredMessage | undefined> {
    const found = await this.#ask(stream, signal, async ({ streams }) => {
      try {
        return await streams.getMessage(stream, query);
      } catch (error) {
        if (isApiError(error, 'noMessageFound')) return undefined;
        throw error;
      }
    });
    return (
      found && {
        seq: found.seq,
        subject: found.subject,
        storedAtMs: found.time.getTime(),
        headers: plainHeaders(() => found.header),
        body: found.data,
      }
    );
  }

  async #ask<T>(
    stream: string,
    signal: AbortSignal | undefined,
    question: (manager: JetStreamManager) => Promise<T>,
  ): Promise<T> {
    // Without `checkAPI: false` the library asks for account information, a permission nothing else needs.
    const manager = await this.#connection.jetstreamManager({ checkAPI: false });
    return await this.#untilAnswered(stream, signal, () => question(manager));
  }

  async #untilAnswered<T>(
    stream: string,
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + patienceMs;
    for (let failures = 1; ; failures++) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (isApiError(error, 'streamNotFound')) {
          throw new Error(`there is no stream ${stream} in NATS`, { cause: error });
        }
        if (!isPassing(error) || this.#clock.monotonicMs() > deadlineMs) throw error;
        await sleep(this.#clock, backOffMs(callBackOff, failures), signal);
      }
    }
  }
}

/** No answer, nobody to answer, or a leader is being elected. */
function isPassing(error: unknown): boolean {
  return isClientError(error, ErrorCode.Timeout, ErrorCode.NoResponders, ErrorCode.Disconnect);
}
