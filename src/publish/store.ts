import { Events, type NatsConnection } from 'nats';
import { retryUntilDone, type Clock } from '../time.js';
import { connectNats, type ConnectionEvents, type NatsOptions } from './connection.js';
import { Publisher } from './publisher.js';
import { StoreGate, type ClosedReason } from './store-gate.js';
import { declareStreams, type TopologyEvents } from './topology.js';

export interface StoreOptions extends NatsOptions {
  prefix: string;
  /** False: the streams are someone else's, and neither read nor changed. */
  manageStreams: boolean;
  streamReplicas: number;
  retention: { eventsMs: number; deadLettersMs: number };
  maxPublishesInFlight: number;
  ackTimeoutMs: number;
}

export interface StoreEvents extends ConnectionEvents, TopologyEvents {
  connected(server: string): void;
  connectFailed(servers: readonly string[], error: unknown, retryInMs: number): void;
  publishTrouble(reason: string): void;
  /** The gate closed for this reason, or opened (undefined). */
  storeGate(reason: ClosedReason | undefined): void;
}

const connectBackOff = { baseMs: 500, maxMs: 15_000 };

/** NATS as the relay needs it: somewhere to publish, whether that works, and how long it remembers ids. */
export class Store {
  readonly gate: StoreGate;
  readonly publisher: Publisher;
  readonly #connection: NatsConnection;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #events: StoreEvents;
  #horizonMs = 0;
  #declaring = Promise.resolve();

  /** Connects, and tries until it succeeds. @returns undefined when the signal is aborted first. */
  static async open(
    options: StoreOptions,
    clock: Clock,
    events: StoreEvents,
    signal: AbortSignal,
  ): Promise<Store | undefined> {
    const connection = await retryUntilDone(() => connectNats(options, signal), {
      clock,
      backOff: connectBackOff,
      signal,
      onFailure: (error, retryInMs) => {
        events.connectFailed(options.servers, error, retryInMs);
      },
    });
    if (!connection) return undefined;
    events.connected(connection.getServer());
    return new Store(connection, options, clock, events);
  }

  private constructor(connection: NatsConnection, options: StoreOptions, clock: Clock, events: StoreEvents) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#events = events;
    this.gate = new StoreGate((reason) => {
      events.storeGate(reason);
    });
    this.publisher = new Publisher({
      connection,
      gate: this.gate,
      clock,
      maxInFlight: options.maxPublishesInFlight,
      ackTimeoutMs: options.ackTimeoutMs,
      onTrouble: (reason) => {
        events.publishTrouble(reason);
      },
    });
    void this.#followStatus();
  }

  /** Rejects when the connection is closed for good; the process cannot go on then. */
  async closed(): Promise<never> {
    const cause = await this.#connection.closed();
    throw new Error('the connection to NATS is closed for good', { cause });
  }

  /** Makes sure that the streams are there and remember ids for at least this long. Gives up when `signal` is aborted. */
  async ensureHorizon(horizonMs: number, signal: AbortSignal): Promise<void> {
    this.#declaring = this.#declaring.then(async () => {
      const { prefix, manageStreams, streamReplicas: replicas, retention } = this.#options;
      if (!manageStreams || horizonMs <= this.#horizonMs) return;
      const shape = { prefix, replicas, ...retention, horizonMs };
      await declareStreams({
        connection: this.#connection,
        ...shape,
        clock: this.#clock,
        signal,
        events: this.#events,
      });
      if (!signal.aborted) this.#horizonMs = horizonMs;
    });
    await this.#declaring;
  }

  /** Call when nothing is in flight any more: every PubAck that matters is here already. */
  async close(): Promise<void> {
    this.publisher.close();
    await this.#connection.close();
  }

  async #followStatus(): Promise<void> {
    let lastRefusal = '';
    for await (const { type, data, permissionContext } of this.#connection.status()) {
      const detail = typeof data === 'string' ? data : '';
      if (type === Events.Disconnect) {
        this.#events.disconnected(detail);
        this.publisher.disconnected();
      } else if (type === Events.Reconnect) {
        lastRefusal = '';
        this.#events.reconnected(detail);
        this.publisher.reconnected();
      } else if (type === Events.Error) {
        // The server says so for each message; once in a connection is enough.
        const refusal = `${detail} ${permissionContext?.operation ?? ''}`.trim();
        if (refusal !== lastRefusal) this.#events.refused(refusal);
        lastRefusal = refusal;
      }
    }
  }
}
