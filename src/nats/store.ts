import { Events, type NatsConnection } from 'nats';
import { streamNames, type StreamKind } from '../event/layout.js';
import type { Clock } from '../time.js';
import { ConfirmedPublisher } from './publish/confirmed-publisher.js';
import { keepConnecting } from './connection.js';
import { refusalOf } from './refusal.js';
import { JobQueue, type JobQueueOptions } from './jobs/job-queue.js';
import { largestPublicationBytes } from './publish/largest-publication.js';
import { Permits } from './permits/permits.js';
import { Publisher } from './publish/publisher.js';
import { StoreGate } from './publish/store-gate.js';
import type { StoreEvents, StoreOptions } from './store-options.js';
import { StoreProbe } from './publish/store-probe.js';
import { StreamReader } from './streams/reader.js';
import { Streams } from './streams/streams.js';
import { WindowPast } from './streams/window-past.js';

/** Changes a stream: to lengthen its duplicate window is all that it is used for. */
const streamUpdateSubject = '$JS.API.STREAM.UPDATE.';
/** Received at a start before the first is stored. */
const firstMessages = 32;

/**
 * NATS as the worker needs it: somewhere to publish, whether that works, how long it remembers ids; and for
 * the follow-up a queue of jobs, and the rate of calls that all replicas share.
 */
export class Store {
  readonly gate: StoreGate;
  readonly publisher: ConfirmedPublisher;
  readonly #wire: Publisher;
  readonly #past: WindowPast;
  readonly #streams: Streams;
  readonly #connection: NatsConnection;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #events: StoreEvents;
  /** A puller from a consumer, which has to know when its requests are lost. */
  readonly #pulling: (JobQueue | Permits)[] = [];
  readonly #closed = new AbortController();
  readonly #probe: StoreProbe;
  /** The relay half is started, or about to be. */
  #isReceiving = false;

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
      windowSeen: (stream, windowMs, wantedMs) => {
        this.#past.seen(stream, windowMs, wantedMs);
      },
    };
    this.gate = new StoreGate((reason) => {
      events.storeGate(reason);
      this.#probe.changed();
    });
    const { events: gatedStream } = streamNames(options.prefix);
    this.#wire = new Publisher({
      connection,
      gate: this.gate,
      gatedStream,
      clock,
      maxInFlight: options.maxPublishesInFlight,
      ackTimeoutMs: options.ackTimeoutMs,
      onTrouble: (reason, stream) => {
        events.publishTrouble(reason, stream);
      },
      onNoStream: (stream) => {
        void this.#streams.declareAgain(stream);
      },
      onNotStored: (error) => {
        events.notStored(error);
      },
    });
    const past = this.#past;
    this.publisher = new ConfirmedPublisher({ wire: this.#wire, reader: this.reader(), clock, events, past });
    this.#probe = new StoreProbe({
      connection,
      clock,
      gate: this.gate,
      stream: gatedStream,
      asking: () => this.#wire.asking,
      onMissing: () => {
        void this.#streams.declareAgain(gatedStream);
      },
      onReady: () => {
        events.storeReady();
      },
    });
    this.#streams = new Streams({
      ...options,
      connection,
      clock,
      events: this.#events,
      closed: this.#closed.signal,
    });
    void this.#followStatus();
  }

  /** Rejects when the connection is closed for good; the process cannot go on then. */
  async closed(): Promise<never> {
    const cause = await this.#connection.closed();
    throw new Error('the connection to NATS is closed for good', { cause });
  }

  /** Makes sure of what the relay needs; as `Streams`. The gate is of use from here on. */
  async ensureHorizon(horizonMs: number, signal: AbortSignal): Promise<void> {
    await this.#streams.ensureForRelay(horizonMs, signal);
    if (this.#isReceiving || signal.aborted) return;
    this.#isReceiving = true;
    this.gate.narrow(firstMessages);
    this.#probe.changed();
    this.#checkPayload();
  }

  /** Makes sure of what the follow-up half needs; as `Streams`. */
  async ensureFollowUpStreams(horizonMs: number | 'auto', signal: AbortSignal): Promise<void> {
    await this.#streams.ensureForFollowUp(horizonMs, signal);
  }

  /** The messages of a stream as jobs, shared by all who give the same name to the consumer. */
  jobQueue(options: Omit<JobQueueOptions, 'stream'> & { stream: StreamKind }): JobQueue {
    const name = streamNames(this.#options.prefix)[options.stream];
    const { manageStreams: isManaged } = this.#options;
    const queue = new JobQueue(
      { ...options, stream: name },
      { ...this.#own, isManaged, declareStreams: () => this.#streams.declareAgain(name) },
    );
    this.#pulling.push(queue);
    return queue;
  }

  /**
   * The right to call VOD for an account, shared by all who use the same prefix. Close it before the store.
   */
  permits(account: string, perSecond: number): Permits {
    const { prefix, manageStreams: isManaged } = this.#options;
    const permits = new Permits(
      { account, perSecond, prefix },
      {
        ...this.#own,
        isManaged,
        createStream: () => this.#streams.declarePermits(),
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
    this.#probe.close();
    this.#wire.close();
    await this.#connection.close();
  }

  get #own(): { connection: NatsConnection; clock: Clock; events: StoreEvents } {
    return { connection: this.#connection, clock: this.#clock, events: this.#events };
  }

  /** With a smaller limit something could be received that can be kept nowhere. */
  #checkPayload(): void {
    if (!this.#isReceiving) return;
    const bytes = this.#connection.info?.max_payload ?? largestPublicationBytes;
    this.gate.unlock();
    if (bytes >= largestPublicationBytes) return;
    this.gate.lock(
      `the server takes messages of up to ${bytes} bytes, and what MNS delivers can need ${largestPublicationBytes}: ` +
        'set max_payload in the configuration of the server to 1MB',
    );
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      const { type, data } = status;
      const detail = typeof data === 'string' ? data : '';
      if (type === Events.Disconnect) {
        this.#events.disconnected(detail);
        this.#probe.disconnected();
        this.#wire.disconnected();
        for (const each of this.#pulling) each.disconnected();
      } else if (type === Events.Reconnect) {
        this.#events.reconnected(detail);
        this.#checkPayload();
        this.#wire.reconnected();
        this.#probe.reconnected();
        if (!this.#isReceiving) this.gate.open();
        this.#streams.lookSoon();
        for (const each of this.#pulling) each.reconnected();
      } else if (type === Events.Error) {
        if (status.permissionContext?.operation === 'publish')
          this.#wire.denied(status.permissionContext.subject);
        const refusal = refusalOf(this.#connection, status);
        // `windowRefused` tells that, with what an operator has to do: no user of this program may have the
        // permission.
        if (!refusal.subject?.startsWith(streamUpdateSubject)) this.#events.refused(refusal);
      }
    }
  }
}
