import { ErrorCode, Events, type NatsError, type JetStreamManager, type NatsConnection } from 'nats';
import { isApiError, isClientError } from '../error-codes.js';
import { connectNats, inboxPrefix, type NatsOptions } from '../connection.js';
import { consumerFacts, limit, streamFacts, type ConsumerFacts, type StreamFacts } from './streams.js';
import { findStream, jetStreamManager } from '../streams/topology.js';

/** The server of the connection. */
export interface ServerFacts {
  url: string;
  version: string;
  isClustered: boolean;
  maxPayloadBytes: number;
}

/** The limits of the account in JetStream; undefined where there is none. */
export interface AccountFacts {
  storageBytes: number;
  maxStorageBytes: number | undefined;
  streams: number;
  maxStreams: number | undefined;
  maxConsumersOfStream: number | undefined;
  needsMaxBytes: boolean;
}

/** The subjects that a user may publish to. Without `allow`, all but those of `deny`. */
export interface PublishPermissions {
  allow: readonly string[] | undefined;
  deny: readonly string[];
}

/** Why NATS does not say. */
export type NatsFaultReason = 'not-permitted' | 'no-inbox' | 'no-jetstream' | 'no-answer';

/** A question that NATS does not answer. */
export class NatsFault extends Error {
  override readonly name = 'NatsFault';
  readonly reason: NatsFaultReason;

  constructor(reason: NatsFaultReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const userInfo = '$SYS.REQ.USER.INFO';
const answerWithinMs = 5_000;
/** No subject of the API takes it for a request. */
const noRequest = '!';

/**
 * Looks at NATS and changes nothing: no stream, no consumer, no message. Every question rejects with a
 * NatsFault when NATS does not answer it.
 */
export class NatsFacts {
  readonly #connection: NatsConnection;
  readonly #refused = new Set<string>();

  /** @throws as `connectNats`. */
  static async open(options: NatsOptions, signal: AbortSignal): Promise<NatsFacts> {
    return new NatsFacts(await connectNats(options, signal));
  }

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    void this.#noteRefusals();
  }

  get server(): ServerFacts {
    const { info } = this.#connection;
    return {
      url: this.#connection.getServer(),
      version: info?.version ?? '',
      isClustered: (info?.cluster ?? '') !== '',
      maxPayloadBytes: info?.max_payload ?? 0,
    };
  }

  async roundTripMs(): Promise<number> {
    return await answered(this.#connection.rtt());
  }

  /**
   * The subjects that the user may publish to; undefined when the server does not tell (it may not be asked,
   * or is older than 2.10).
   */
  async publishPermissions(): Promise<PublishPermissions | undefined> {
    try {
      const reply = await answered(this.#connection.request(userInfo, '', { timeout: answerWithinMs }));
      const { data } = reply.json<{ data?: { permissions?: { publish?: Partial<PublishPermissions> } } }>();
      if (data === undefined) return undefined;
      const { allow, deny = [] } = data.permissions?.publish ?? {};
      return { allow, deny };
    } catch (error) {
      const { reason } = error as Partial<NatsFault>;
      // Nobody is there to be asked, or this user may not.
      if (reason === 'no-jetstream' || reason === 'not-permitted') return undefined;
      throw error;
    }
  }

  async account(): Promise<AccountFacts> {
    const manager = await this.#manager();
    const { limits, storage, streams } = await answered(manager.getAccountInfo());
    return {
      storageBytes: storage,
      maxStorageBytes: limit(limits.max_storage),
      streams,
      maxStreams: limit(limits.max_streams),
      maxConsumersOfStream: limit(limits.max_consumers),
      needsMaxBytes: Boolean(limits.max_bytes_required),
    };
  }

  /** With a filter, also how many subjects match it. @returns undefined when there is no such stream. */
  async stream(name: string, filter?: string): Promise<StreamFacts | undefined> {
    const info = await answered(findStream(await this.#manager(), name, filter));
    return info && streamFacts(info);
  }

  /** The name of the stream that takes what is published to this subject, if there is one. */
  async streamOf(subject: string): Promise<string | undefined> {
    const names = (await this.#manager()).streams.names(subject);
    const [first] = await answered(names.next());
    return first;
  }

  /** @returns undefined when there is no such consumer. */
  async consumer(stream: string, durable: string): Promise<ConsumerFacts | undefined> {
    const info = (await this.#manager()).consumers.info(stream, durable);
    const found = await answered(
      info.catch((error: unknown) => {
        if (isApiError(error, 'consumerNotFound', 'streamNotFound')) return undefined;
        throw error;
      }),
    );
    return found && consumerFacts(found);
  }

  /**
   * Which of these subjects of the JetStream API may not be published to. Each gets one message without a
   * reply subject that it takes for no request, which the server drops; an answer is a refusal alone.
   */
  async refusedOf(subjects: readonly string[]): Promise<string[]> {
    for (const subject of subjects) this.#connection.publish(subject, noRequest);
    await answered(this.#connection.flush());
    // The refusals are here, but not all with the reader of the status, which takes them one by one.
    await answered(this.#connection.flush());
    return subjects.filter((subject) => this.#refused.has(subject));
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #manager(): Promise<JetStreamManager> {
    return await jetStreamManager(this.#connection);
  }

  async #noteRefusals(): Promise<void> {
    for await (const { type, permissionContext } of this.#connection.status()) {
      if (type === Events.Error && permissionContext?.operation === 'publish')
        this.#refused.add(permissionContext.subject);
    }
  }
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { message, api_error, permissionContext } = error as NatsError;
    if (permissionContext?.operation === 'subscription' || message.includes(inboxPrefix)) {
      throw new NatsFault('no-inbox', message);
    }
    if (isClientError(error, ErrorCode.PermissionsViolation)) throw new NatsFault('not-permitted', message);
    const isOff = isApiError(error, 'notEnabledForAccount', 'notEnabled');
    if (isOff || (isClientError(error, ErrorCode.NoResponders) && !api_error))
      throw new NatsFault('no-jetstream', api_error?.description ?? 'nobody answers');
    throw new NatsFault('no-answer', api_error?.description ?? message);
  }
}
