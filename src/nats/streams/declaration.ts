import type { NatsConnection } from 'nats';
import { reasonOf } from '../words.js';
import { retryUntilDone, sleep, type Clock } from '../../time.js';
import { declare, jetStreamManager, type WantedStream } from './topology.js';
import type { TopologyEvents } from './topology-events.js';

export interface StreamDeclarationOptions {
  connection: NatsConnection;
  clock: Clock;
  events: TopologyEvents;
  /** The stream, when it is to remember ids for this long. */
  wanted: (horizonMs: number) => WantedStream;
  /** Aborted: nothing is declared any more. */
  closed: AbortSignal;
}

const backOff = { baseMs: 250, maxMs: 10_000 };
/** A stream that is as it was, and takes nothing, is looked at again after this. */
const againMs = 5_000;

/**
 * Makes sure of one stream, by itself: one that cannot be declared holds up nothing that does not need it.
 */
export class StreamDeclaration {
  readonly #options: StreamDeclarationOptions;
  #wantedMs = 0;
  #declaredMs = 0;
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  /** Told of the next failure. */
  readonly #onFailure = new Set<() => void>();

  constructor(options: StreamDeclarationOptions) {
    this.#options = options;
  }

  /** How long it is to remember ids; undefined when that was never said. */
  get wantedMs(): number | undefined {
    return this.#wantedMs || undefined;
  }

  /**
   * Resolves once the stream is there and remembers ids for at least this long, however often that fails
   * before.
   */
  async ensure(horizonMs: number): Promise<void> {
    this.#wantedMs = Math.max(this.#wantedMs, horizonMs);
    if (this.#declaredMs < horizonMs) await (this.#running ??= this.#declare());
  }

  /** As `ensure`, and resolves too once a try has failed: it goes on without whoever waits. */
  async attempt(horizonMs: number): Promise<void> {
    const failed = new Promise<void>((resolve) => this.#onFailure.add(resolve));
    await Promise.race([this.ensure(horizonMs), failed]);
  }

  /**
   * Somebody may have deleted it: makes sure once more, as a new process would; not of one that was never
   * wanted.
   */
  async again(): Promise<void> {
    if (this.#wantedMs === 0) return;
    const { clock, closed } = this.#options;
    if (!this.#again) {
      this.#declaredMs = 0;
      this.#again = this.ensure(this.#wantedMs);
      void this.#again
        .then(() => sleep(clock, againMs, closed))
        .then(() => {
          this.#again = undefined;
        });
    }
    await this.#again;
  }

  async #declare(): Promise<void> {
    const { connection, clock, events, wanted, closed } = this.#options;
    while (this.#declaredMs < this.#wantedMs && !closed.aborted) {
      const attempt = async (): Promise<void> => {
        const horizonMs = this.#wantedMs;
        await declare(await jetStreamManager(connection), wanted(horizonMs), events, clock.now());
        this.#declaredMs = horizonMs;
      };
      await retryUntilDone(attempt, {
        clock,
        backOff,
        signal: closed,
        onFailure: (error, retryInMs) => {
          events.declareFailed(wanted(this.#wantedMs).name, reasonOf(error), retryInMs);
          for (const tell of this.#onFailure) tell();
          this.#onFailure.clear();
        },
      });
    }
    this.#running = undefined;
  }
}
