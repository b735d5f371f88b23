import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from 'nats';
import { reasonOf } from '../words.js';
import { backOffMs, settledWithin, sleep, type Clock } from '../../time.js';
import { inboxPrefix } from '../connection.js';
import { readDelivery, type Delivery } from './delivery.js';

export interface PullOptions {
  connection: NatsConnection;
  clock: Clock;
  stream: string;
  durable: string;
  /** How long one request waits at the server. */
  expiresMs: number;
  /**
   * Makes sure that the stream and the consumer are there; called before the first request and after each
   * failure.
   */
  prepare: () => Promise<void>;
  /** How many messages can be taken now. */
  room: () => number;
  /** Called for each message. There may be no room for one that a request brings which was given up. */
  take: (delivery: Delivery) => void;
  /** The consumer answers, for the first time or after a failure. */
  onRunning: () => void;
  onFailure: (reason: string, retryInMs: number) => void;
}

const backOff = { baseMs: 250, maxMs: 5_000 };
/** A reconnect ends it; only for the case that nobody says so. */
const untilConnectedMs = 60_000;
const heartbeatMs = 1_000;
const tickMs = 500;
/**
 * Heartbeats come every second. Ticks are counted, not time, since a busy process reads late what came in
 * time.
 */
const quietTicksAllowed = 6;
/** For the last words with the server, which may not answer any more. */
const lastWordsMs = 1_000;

/**
 * Pulls from a durable consumer, one request at a time, for as many messages as there is room for. The
 * library's `consume` asks for more than can be begun, and on a stop drops what it holds, which then waits
 * for its `ack_wait`.
 */
export class Pull {
  readonly #options: PullOptions;
  readonly #inbox = createInbox(inboxPrefix);
  readonly #stopped = new AbortController();
  #drained = Promise.resolve();
  #isConnected = true;
  #isPulling = false;
  #isAnswered = false;
  #request = 0;
  /** The messages that the current request may still bring. */
  #outstanding = 0;
  #quietTicks = 0;
  #failures = 0;
  #fail: (reason?: string) => void = () => undefined;
  #wake = new AbortController();

  constructor(options: PullOptions) {
    this.#options = options;
  }

  /** True once nothing is to be begun any more: what still comes is to be given back. */
  get isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /**
   * Pulls until the signal is aborted, whatever fails. Resolves when the server hands out nothing more:
   * everything that it did hand out went through `take`.
   */
  async run(signal: AbortSignal): Promise<void> {
    const subscription = this.#options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#onMessage(message);
      },
    });
    const stop = (): void => {
      this.#stopped.abort();
      this.#drained = this.#drain(subscription);
      this.#wake.abort();
      this.#fail();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    while (!this.isStopped) await this.#pullOnce();
    await this.#drained;
  }

  /** Call when there is more room. */
  more(): void {
    if (!this.#isPulling || !this.#isConnected || this.isStopped || this.#outstanding > 0) return;
    const { connection, stream, durable, expiresMs, room } = this.#options;
    const batch = room();
    if (batch <= 0 || connection.isClosed()) return;
    this.#outstanding = batch;
    this.#quietTicks = 0;
    const body = { batch, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) };
    const reply = `${this.#inbox}.${++this.#request}`;
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, JSON.stringify(body), { reply });
  }

  /**
   * Hands a message back, for after this long. During a stop that waits until the server has forgotten the
   * last request: it would come straight back, and some servers (2.9) then keep it for its `ack_wait`.
   */
  giveBack(delivery: Delivery, delayMs: number): void {
    if (this.isStopped)
      void this.#drained.then(() => {
        delivery.nak(delayMs);
      });
    else delivery.nak(delayMs);
  }

  /** Prepares again, because of this. */
  fail(reason: string): void {
    this.#fail(reason);
  }

  /** The connection is lost. Whoever owns it says so; nothing is tried until it is back. */
  disconnected(): void {
    this.#isConnected = false;
  }

  /** The connection is back: what was asked went with the old one. */
  reconnected(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#wake.abort();
    if (this.#isPulling) {
      this.#outstanding = 0;
      this.more();
    } else this.#fail();
  }

  async #pullOnce(): Promise<void> {
    const { clock, onFailure } = this.#options;
    this.#wake = new AbortController();
    const reason = await this.#pullUntilFailure().catch(reasonOf);
    this.#isPulling = false;
    if (reason === undefined || this.isStopped) return;
    this.#isAnswered = false;
    const retryInMs = backOffMs(backOff, ++this.#failures);
    if (this.#isConnected) onFailure(reason, retryInMs);
    await sleep(clock, this.#isConnected ? retryInMs : untilConnectedMs, this.#wake.signal);
  }

  /** @returns why it failed; undefined when there is nothing to report. */
  async #pullUntilFailure(): Promise<string | undefined> {
    const failure = new Promise<string | undefined>((resolve) => {
      this.#fail = resolve;
    });
    const prepared = this.#options.prepare().then(() => true);
    if ((await Promise.race([prepared, failure.then(() => false)])) && !this.isStopped) {
      this.#outstanding = 0;
      this.#isPulling = true;
      this.more();
    }
    const cancelTicks = this.#watchHeartbeats();
    const reason = await failure;
    cancelTicks();
    return reason;
  }

  #watchHeartbeats(): () => void {
    const tick = (): void => {
      cancel = this.#options.clock.after(tickMs, tick);
      if (this.#outstanding === 0 || !this.#isConnected) return;
      this.#quietTicks++;
      if (this.#quietTicks > quietTicksAllowed) this.#fail('the consumer does not answer');
    };
    let cancel = this.#options.clock.after(tickMs, tick);
    return () => {
      cancel();
    };
  }

  #onMessage(message: Msg): void {
    this.#quietTicks = 0;
    const delivery = readDelivery(this.#options.connection, message);
    if (!delivery) {
      this.#onStatus(message);
      return;
    }
    this.#answered();
    if (this.#outstanding > 0) this.#outstanding--;
    this.#options.take(delivery);
    this.more();
  }

  /** Sources: ADR-9 (heartbeats), ADR-13 (pull status codes), ADR-22 (no responders). */
  #onStatus({ subject, headers }: Msg): void {
    if (!this.#isPulling || subject !== `${this.#inbox}.${this.#request}`) return;
    const { code = 0, description = '' } = headers ?? {};
    switch (code) {
      case 100:
        this.#answered();
        return;
      case 404:
      case 408:
        this.#answered();
        this.#outstanding = 0;
        this.more();
        return;
      case 503:
        this.#fail('no stream or consumer answers');
        return;
      default:
        this.#fail(description.toLowerCase() || `status ${code}`);
    }
  }

  #answered(): void {
    this.#failures = 0;
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.onRunning();
  }

  /**
   * The server hands out nothing more once it knows that nobody listens, and what it sent before has arrived
   * when it answers. It forgets a request that nobody listens for when it is asked about the consumer.
   */
  async #drain(subscription: Subscription): Promise<void> {
    const { clock, connection, stream, durable } = this.#options;
    const forgotten = subscription
      .drain()
      .then(() =>
        connection.request(`$JS.API.CONSUMER.INFO.${stream}.${durable}`, '', { timeout: lastWordsMs }),
      );
    await settledWithin(clock, lastWordsMs, forgotten);
  }
}
