import { millis, type ConsumerInfo } from 'nats';
import type { Clock } from '../../time.js';

export interface ConsumerEvents {
  /**
   * The consumer was not there, and is made: it starts with the first message of the stream, and so many
   * wait.
   */
  consumerMade(consumer: string, stream: string, waiting: number): void;
  /**
   * Somebody paused the consumer: it hands nothing out until then, epoch milliseconds by the server's clock.
   */
  consumerPaused(consumer: string, stream: string, untilMs: number): void;
  /** The consumer is no longer paused. */
  consumerResumed(consumer: string): void;
}

/**
 * The facts in answers about one consumer besides its settings: the server's clock, when the consumer was
 * made, and whether it is paused.
 */
export class ConsumerWatch {
  readonly #clock: Clock;
  readonly #events: ConsumerEvents;
  /** A moment on the server's clock, and on the monotonic one of this process. */
  #moment: { serverMs: number; monotonicMs: number } | undefined;
  #createdMs = Infinity;
  #lastNumber = 0;
  #pausedUntilMs: number | undefined;

  constructor(clock: Clock, events: ConsumerEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Takes note that this process made the consumer. */
  made(info: ConsumerInfo): void {
    this.#events.consumerMade(info.name, info.stream_name, info.num_pending);
    this.informed(info);
  }

  /** Takes note of an answer about the consumer. */
  informed(info: ConsumerInfo): void {
    const createdMs = timeOf(info.created) ?? Infinity;
    if (createdMs !== this.#createdMs) this.#lastNumber = 0;
    this.#createdMs = createdMs;
    if (toldTimeMs(info) !== undefined) this.#moment = undefined;
    this.#isAt(serverTimeMs(info));
    const pausedUntilMs = pauseEndMs(info);
    const wasPaused = this.#pausedUntilMs !== undefined;
    // The end of a pause is told again when somebody moves it; a second off is the way of the answer.
    const isMoved = Math.abs((pausedUntilMs ?? 0) - (this.#pausedUntilMs ?? 0)) > 1_000;
    this.#pausedUntilMs = pausedUntilMs;
    if (pausedUntilMs !== undefined && isMoved)
      this.#events.consumerPaused(info.name, info.stream_name, pausedUntilMs);
    else if (pausedUntilMs === undefined && wasPaused) this.#events.consumerResumed(info.name);
  }

  /**
   * Takes note of a message that was handed out.
   * @param number how many the consumer has handed out, this one included.
   * @returns whether nobody can have had the message before. Only a consumer that is older than the message
   * knows: one   that was deleted and made again hands out what an earlier one handed out as well.
   */
  handedOut({
    number,
    deliveries,
    storedAtMs,
  }: {
    number: number;
    deliveries: number;
    storedAtMs: number;
  }): boolean {
    this.#isAt(storedAtMs);
    if (number <= this.#lastNumber) this.#createdMs = Infinity;
    this.#lastNumber = number;
    return deliveries === 1 && storedAtMs > this.#createdMs + serversApartMs;
  }

  /**
   * It is this late at least by the server's clock, epoch milliseconds; undefined when nothing is known of
   * it.
   */
  get serverNowMs(): number | undefined {
    return this.#moment && this.#moment.serverMs + this.#clock.monotonicMs() - this.#moment.monotonicMs;
  }

  #isAt(serverMs: number | undefined): void {
    if (serverMs === undefined || serverMs <= (this.serverNowMs ?? -Infinity)) return;
    this.#moment = { serverMs, monotonicMs: this.#clock.monotonicMs() };
  }
}

/** The clocks of the servers of a cluster differ by no more than this, or the cluster has other troubles. */
const serversApartMs = 60_000;

/** The time of an answer, which servers from 2.10 on tell, epoch milliseconds. */
export function toldTimeMs(info: object): number | undefined {
  return timeOf((info as { ts?: unknown }).ts);
}

/** Without that it is known when the consumer was made, and when it handed something out. */
function serverTimeMs(info: Omit<ConsumerInfo, 'paused'>): number | undefined {
  const { created, delivered } = info;
  const { last_active: lastActive } = delivered as { last_active?: unknown };
  const known = [created, lastActive].flatMap((text) => timeOf(text) ?? []);
  return toldTimeMs(info) ?? (known.length === 0 ? undefined : Math.max(...known));
}

/** Servers from 2.11 on can pause a consumer. @returns undefined when it is not paused. */
function pauseEndMs(info: ConsumerInfo): number | undefined {
  if (info.paused !== true) return undefined;
  const endMs = (serverTimeMs(info) ?? 0) + millis(info.pause_remaining || 0);
  return Math.min(Math.max(0, endMs), latestDateMs);
}

/** The latest instant that a Date can be. */
const latestDateMs = 8.64e15;

function timeOf(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
