import type { NatsConnection, Subscription } from 'nats';
import {
  permitOfSubject,
  permitRefusedSubject,
  permitSubject,
  permitsConsumer,
  streamNames,
  type ConsumerName,
} from '../../event/layout.js';
import { sleep, type Clock } from '../../time.js';
import { ConsumerWatch, type ConsumerEvents } from '../jobs/consumer-watch.js';
import type { Delivery } from '../jobs/delivery.js';
import { ensureConsumer } from '../jobs/durable-consumer.js';
import { reasonOf } from '../words.js';
import { PermitAbsence, type Refusal } from './absence.js';
import { PermitLine, type PermitPriority } from './line.js';
import { ensurePermits } from './stock.js';
import { Pull } from '../jobs/pull.js';
import { jetStreamManager } from '../streams/topology.js';

/** The right to one call. */
export interface Permit {
  /** Call right before the call to VOD. @returns false when the permit is too old: take another. */
  begin(): boolean;
  /** VOD refused the call for its quota: keeps this permit away for longer. @returns for how long, ms. */
  throttled(): number;
  /** No call was made: usable by anyone again soon. */
  unused(): void;
}

export interface PermitsOptions {
  /** The Alibaba Cloud account whose quota it is. */
  account: string;
  /** The same on all replicas; where they differ, those that look last win. */
  perSecond: number;
  /** The subject prefix. */
  prefix: string;
}

export interface PermitEvents extends ConsumerEvents {
  /** No permits are handed out for this reason; it is tried again. */
  permitsFailed(account: string, reason: string, retryInMs: number): void;
  /** VOD goes on refusing calls: a permit stays away for this long. */
  permitsSlowed(account: string, awayMs: number): void;
  /** Every permit is back, and none was refused since. */
  permitsRestored(account: string): void;
}

interface PermitsParts {
  connection: NatsConnection;
  clock: Clock;
  events: PermitEvents;
  /** False: stream and consumer are someone else's, and neither created nor changed. */
  isManaged: boolean;
  createStream: () => Promise<void>;
}

/** A permit is handed out again after this: less than one call a second each, with room for the way. */
const ackWaitMs = 1_150;
/** A permit that is older may be with another replica before the word that it is in use arrives. */
const usableMs = 900;
const expiresMs = 2_500;
/** A permit that somebody has had, unknown to a consumer that was made again, is used up after this. */
const usedUpMs = usableMs + ackWaitMs;
const checkEveryMs = 60_000;

/**
 * The rate of calls of one account, which all replicas share without a coordinator: a stream holds one
 * message for each call a second, and a durable consumer hands each out at most once in 1.15 s, to whoever
 * asks. Nobody acks them. So no more than `perSecond` calls begin in any second, and nearly nine tenths of
 * that can. A permit that comes for the first time is given back until whoever may have it is done: a
 * consumer, a stream or a permit that somebody deleted, and whoever made again, knows nothing of those that
 * are out.
 *
 * A replica tells the others of a refusal for the quota on `<prefix>.permit-refused.<account>`; where that is
 * not permitted, each has to learn it by itself, and more calls are refused.
 *
 * NATS permissions, where `<token>` is the account: publish `<prefix>.permit.<token>.*`,
 * `$JS.API.STREAM.{INFO,MSG.GET,MSG.DELETE}.<stream>`,
 * `$JS.API.CONSUMER.{INFO,MSG.NEXT}.<stream>.permits-<token>`, `$JS.ACK.<stream>.permits-<token>.>`; publish
 * and subscribe `<prefix>.permit-refused.<token>`; to create what is missing
 * `$JS.API.STREAM.CREATE.<stream>`, `$JS.API.CONSUMER.CREATE.<stream>.permits-<token>.>`; subscribe to the
 * reply inbox.
 */
export class Permits {
  readonly #options: PermitsOptions;
  readonly #parts: PermitsParts;
  readonly #line = new PermitLine<Permit>();
  readonly #absence: PermitAbsence;
  readonly #watch: ConsumerWatch;
  readonly #pull: Pull;
  readonly #closed = new AbortController();
  readonly #refusals: Subscription;
  readonly #refusedSubject: string;
  #isUsed = false;
  /** Changes when the connection is lost: the server may hand out again what was taken before. */
  #connections = 0;

  constructor(options: PermitsOptions, parts: PermitsParts) {
    const { account, perSecond, prefix } = options;
    const { connection, clock, events } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#absence = new PermitAbsence(perSecond, clock);
    this.#watch = new ConsumerWatch(clock, events);
    this.#refusedSubject = permitRefusedSubject(prefix, account);
    this.#refusals = connection.subscribe(this.#refusedSubject, {
      callback: (error, message) => {
        const refusal = error ? undefined : readRefusal(message.string());
        if (refusal) this.#absence.note(refusal);
      },
    });
    this.#pull = new Pull({
      connection,
      clock,
      stream: this.#stream,
      durable: this.#consumer.durable,
      expiresMs,
      prepare: () => this.#prepare(),
      room: () => this.#line.length,
      take: (delivery) => {
        if (delivery.deliveries === 1) {
          delivery.nak(usedUpMs);
          return;
        }
        const permit = this.#toPermit(delivery);
        if (!this.#line.serve(permit)) permit.unused();
      },
      onRunning: () => undefined,
      onFailure: (reason, retryInMs) => {
        events.permitsFailed(account, reason, retryInMs);
      },
    });
    void this.#pull.run(this.#closed.signal);
    void this.#checkNowAndThen();
  }

  /**
   * Waits for a permit, for as long as it takes. Whoever gets one says `begin` and calls, or says `unused`.
   * @throws the signal's reason when that is aborted first.
   * @throws Error when the permits are closed.
   */
  async acquire(priority: PermitPriority, signal: AbortSignal): Promise<Permit> {
    this.#closed.signal.throwIfAborted();
    this.#isUsed = true;
    const permit = this.#line.wait(priority, signal);
    this.#pull.more();
    return await permit;
  }

  /** The connection is lost. */
  disconnected(): void {
    this.#connections++;
    this.#pull.disconnected();
  }

  /** The connection is back. */
  reconnected(): void {
    this.#pull.reconnected();
  }

  /** Whoever still waits is sent away. */
  close(): void {
    const reason = new Error('the permits are closed');
    this.#closed.abort(reason);
    this.#line.close(reason);
    this.#refusals.unsubscribe();
  }

  get #stream(): string {
    return streamNames(this.#options.prefix).permits;
  }

  get #consumer(): ConsumerName {
    return permitsConsumer(this.#options.prefix, this.#options.account);
  }

  async #prepare(): Promise<void> {
    const { account, perSecond, prefix } = this.#options;
    const { connection, isManaged, createStream } = this.#parts;
    const manager = await jetStreamManager(connection);
    const stream = this.#stream;
    const subjectOf = (permit: number | '*'): string => permitSubject(prefix, account, permit);
    await ensurePermits({ connection, manager, stream, subjectOf, perSecond, createStream });
    const consumer = { ...this.#consumer, stream, ackWaitMs, maxAckPending: -1 };
    await ensureConsumer(manager, consumer, isManaged, this.#watch);
  }

  /** Someone may empty the stream, or another replica may have had another rate. */
  async #checkNowAndThen(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await sleep(this.#parts.clock, checkEveryMs, signal);
      if (signal.aborted || (!this.#isUsed && this.#line.length === 0)) continue;
      this.#isUsed = false;
      await this.#prepare().catch((error: unknown) => {
        this.#pull.fail(reasonOf(error));
      });
    }
  }

  #toPermit(delivery: Delivery): Permit {
    const { clock, connection, events } = this.#parts;
    const { perSecond, account } = this.#options;
    const connections = this.#connections;
    const takenMs = clock.monotonicMs();
    const isUsable = (): boolean =>
      connections === this.#connections && clock.monotonicMs() - takenMs < usableMs;
    return {
      begin: () => {
        if (!isUsable()) return false;
        delivery.working();
        if (this.#absence.isOver()) events.permitsRestored(account);
        return true;
      },
      throttled: () => {
        const number = permitOfSubject(delivery.subject);
        const { awayMs, refusal } = this.#absence.refuse(number, delivery.deliveries);
        delivery.nak(awayMs);
        this.#absence.note(refusal);
        if (!connection.isClosed()) connection.publish(this.#refusedSubject, JSON.stringify(refusal));
        if (refusal.backAtMs > 0) events.permitsSlowed(account, awayMs);
        return awayMs;
      },
      unused: () => {
        // Later it is on its way to the next one, who may have begun a call with it.
        if (isUsable()) delivery.nak(Math.max(minUnusedMs, perSecond * unusedMsEach));
      },
    };
  }
}

/** Guards that end in no call keep below the quota of GetVideoInfo, 100 a second, all together. */
const minUnusedMs = 150;
const unusedMsEach = 15;

function readRefusal(text: string): Refusal | undefined {
  try {
    const { permit, deliveries, backAtMs } = JSON.parse(text) as Partial<Record<keyof Refusal, unknown>>;
    if (!isCount(permit) || !isCount(deliveries) || typeof backAtMs !== 'number') return undefined;
    return { permit, deliveries, backAtMs };
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
