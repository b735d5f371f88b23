import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  ErrorCode,
  nanos,
  NatsError,
  ReplayPolicy,
  type ConsumerConfig,
  type Msg,
  type NatsConnection,
} from 'nats';
import type { Clock } from '../../time.js';
import { inboxPrefix } from '../connection.js';
import { plainHeaders, type StoredMessage } from './stored-message.js';

/** Where reading begins. */
export type PullStart = { seq: number } | { timeMs: number };

export interface PullOptions {
  stream: string;
  filterSubject: string | undefined;
  start: PullStart;
}

/** Messages asked for at once: what is held in memory, at most. */
const batch = 250;
/** Without a further message for this long, the rest of a batch is lost. */
const silenceMs = 2_000;
/** A consumer that nobody pulls from is removed by the server. */
const inactiveMs = 300_000;

/**
 * A consumer for one pass over a stream, which acknowledges nothing and asks for what is there and no more.
 * It does not outlive a failure: whoever reads makes another one, from the next message. The library's own
 * consumers wait for messages to come, and some of them for ever when closed.
 */
export class PullConsumer {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #stream: string;
  readonly #name: string;
  #delivered = 0;
  #isBroken = false;

  /** @throws NatsError when NATS does not answer or refuses. */
  static async create(
    connection: NatsConnection,
    clock: Clock,
    { stream, filterSubject, start }: PullOptions,
  ): Promise<PullConsumer> {
    const config: Partial<ConsumerConfig> = {
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      inactive_threshold: nanos(inactiveMs),
      mem_storage: true,
      num_replicas: 1,
      ...(filterSubject !== undefined && { filter_subject: filterSubject }),
      ...('seq' in start
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.seq }
        : {
            deliver_policy: DeliverPolicy.StartTime,
            opt_start_time: new Date(start.timeMs).toISOString(),
          }),
    };
    const manager = await connection.jetstreamManager({ checkAPI: false });
    const { name } = await manager.consumers.add(stream, config);
    return new PullConsumer(connection, clock, stream, name);
  }

  private constructor(connection: NatsConnection, clock: Clock, stream: string, name: string) {
    this.#connection = connection;
    this.#clock = clock;
    this.#stream = stream;
    this.#name = name;
  }

  /** The last pull lost messages: the next one must be of another consumer. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * The next messages, a few hundred at most; none at the end of the stream.
   * @throws NatsError when it got none for another reason.
   * @throws the signal's reason when that is aborted first.
   */
  async pull(signal: AbortSignal): Promise<StoredMessage[]> {
    signal.throwIfAborted();
    const messages: StoredMessage[] = [];
    const fault = await this.#collect(messages, signal);
    if (fault === undefined) return messages;
    this.#isBroken = true;
    if (messages.length === 0) throw fault;
    return messages;
  }

  /** Tells the server that the consumer is not needed any more, without waiting for its answer. */
  remove(): void {
    if (this.#connection.isClosed()) return;
    this.#connection.publish(`$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#name}`);
  }

  /** @returns what went wrong before the batch was full or the stream at its end. */
  async #collect(messages: StoredMessage[], signal: AbortSignal): Promise<NatsError | undefined> {
    const inbox = createInbox(inboxPrefix);
    return await new Promise<NatsError | undefined>((resolve, reject) => {
      const end = (settle: () => void): void => {
        cancelSilence();
        signal.removeEventListener('abort', abort);
        subscription.unsubscribe();
        settle();
      };
      const finish = (fault?: NatsError): void => {
        end(() => {
          resolve(fault);
        });
      };
      const abort = (): void => {
        end(() => {
          reject(signal.reason as Error);
        });
      };
      const expectMore = (): (() => void) =>
        this.#clock.after(silenceMs, () => {
          finish(NatsError.errorForCode(ErrorCode.Timeout));
        });
      const subscription = this.#connection.subscribe(inbox, {
        callback: (error, message) => {
          cancelSilence();
          if (error) {
            finish(error);
            return;
          }
          const delivery = readDelivery(message);
          if (!delivery) {
            finish(faultOfStatus(message));
            return;
          }
          // Messages sent while the connection is away are gone: the numbers have a gap.
          if (delivery.number !== this.#delivered + 1) {
            finish(NatsError.errorForCode(ErrorCode.Timeout));
            return;
          }
          this.#delivered = delivery.number;
          messages.push(delivery.stored);
          if (messages.length === batch) finish();
          else cancelSilence = expectMore();
        },
      });
      let cancelSilence = expectMore();
      signal.addEventListener('abort', abort, { once: true });
      this.#connection.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`,
        JSON.stringify({ batch, no_wait: true }),
        { reply: inbox },
      );
    });
  }
}

/**
 * A message of the stream, and the number that the consumer gave its delivery; undefined when it is a status.
 */
function readDelivery(message: Msg): { stored: StoredMessage; number: number } | undefined {
  // $JS.ACK[.domain.account].stream.consumer.tries.seq.number.nanoseconds.pending[.random], as ADR-15 says.
  const tokens = message.reply?.split('.') ?? [];
  if (tokens[1] !== 'ACK') return undefined;
  const [seq = '', number = '', time = ''] = tokens.slice(tokens.length > 9 ? 7 : 5);
  const stored = {
    seq: Number(seq),
    subject: message.subject,
    storedAtMs: Number(time.slice(0, -6)),
    headers: plainHeaders(() => message.headers),
    body: message.data,
  };
  return { stored, number: Number(number) };
}

/**
 * 404 and 408 say that there is no more at the moment; anything else (503, 409), that the consumer is gone.
 */
function faultOfStatus({ headers }: Msg): NatsError | undefined {
  const code = headers?.code ?? 0;
  return code === 404 || code === 408 ? undefined : NatsError.errorForCode(ErrorCode.NoResponders);
}
