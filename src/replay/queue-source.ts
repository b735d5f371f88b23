import { readMessage, type ReadingPolicy } from '../decode/read-message.js';
import type { EventOrigin } from '../event/vod-event.js';
import { traceContextOf } from '../event/trace-context.js';
import { AckBatch } from '../receive/ack-batch.js';
import { Lease } from '../receive/lease.js';
import { MnsError } from '../receive/mns-error.js';
import type { Delivery, Queue } from '../receive/queue.js';
import { backOffMs, sleep, type Clock } from '../time.js';
import {
  contentOfReading,
  type Fate,
  type Remainder,
  type ReplayItem,
  type ReplaySource,
  type SettledItem,
  type SourceState,
} from './item.js';

export interface QueueSourceOptions {
  /** Names the source: unique among the queues of the configuration. */
  name: string;
  queue: Pick<Queue, 'name' | 'receive' | 'delete' | 'changeVisibility' | 'attributes' | 'close'>;
  /** The approximate counts of the queue's attributes; MNS may answer 0 whatever there is. */
  backlog: (signal: AbortSignal) => Promise<{ active: number; inactive: number }>;
  origin: EventOrigin;
  policy: ReadingPolicy;
  /** Nothing is deleted. */
  keep: boolean;
  clock: Clock;
  /** Told of each call to MNS that failed and is made again. */
  onTrouble: (queue: string, error: unknown) => void;
}

/** MNS slows a consumer down that holds more. */
const maxHeld = 5_000;
const pollSeconds = 3;
/**
 * MNS ends a poll up to a fifth early by itself; an empty answer sooner than this says nothing about the
 * queue.
 */
const shortestPollMs = pollSeconds * 700;
/** The scan ends after so many empty polls in a row. */
const emptyPolls = 2;
const batchForMs = 1_000;
const earlyEndPauseMs = 1_000;
/** MNS lets a message be invisible no longer. */
const maxLeaseMs = 43_200_000;
const failureBackOff = { baseMs: 250, maxMs: 5_000 };
const maxFailures = 8;
const maxDeletes = 2;
const releasesAtOnce = 32;

/**
 * One scan over a queue. Each message is received once and held under a lease until it is deleted or, at the
 * end, given back: a message that went back at once would be received again and again.
 */
export class QueueSource implements ReplaySource {
  readonly name: string;
  readonly #options: QueueSourceOptions;
  readonly #acks: AckBatch;
  /** By key, everything that is held. */
  readonly #held = new Map<string, Lease>();
  /** Settled messages that were to be deleted, and may still be in the queue. */
  readonly #undeleted = new Set<string>();
  /** How often deleting one of them failed: these certainly are. */
  readonly #failedDeletes = new Map<string, number>();
  #visibilityMs = 0;
  #endNotBeforeMs = 0;
  #notLookedAt = 0;

  constructor(options: QueueSourceOptions) {
    this.name = options.name;
    this.#options = options;
    const { queue, clock, onTrouble } = options;
    this.#acks = new AckBatch({
      queue,
      size: 16,
      lingerMs: 5,
      clock,
      onFailure: (error) => {
        onTrouble(queue.name, error);
      },
    });
  }

  async open(
    state: SourceState | undefined,
    signal: AbortSignal,
  ): Promise<{ size: number; state: SourceState }> {
    const { queue, backlog, clock } = this.#options;
    const { visibilityMs } = await this.#retried(() => queue.attributes(signal), signal);
    const { active, inactive } = await this.#retried(() => backlog(signal), signal);
    this.#visibilityMs = visibilityMs;
    for (const key of state?.unfinished ?? []) this.#undeleted.add(key);
    // Messages that a killed replay or somebody else holds come back when their timeout ends.
    if (state !== undefined || inactive > 0) this.#endNotBeforeMs = clock.monotonicMs() + visibilityMs;
    return { size: active + inactive, state: { done: false, unfinished: [], ...state } };
  }

  async *batches(size: number, signal: AbortSignal): AsyncGenerator<readonly ReplayItem[]> {
    const { clock } = this.#options;
    for (let empty = 0; empty < emptyPolls || clock.monotonicMs() < this.#endNotBeforeMs;) {
      if (this.#held.size >= maxHeld) {
        const { active } = await this.#retried(() => this.#options.backlog(signal), signal);
        this.#notLookedAt = active;
        return;
      }
      const startedMs = clock.monotonicMs();
      const items: ReplayItem[] = [];
      let received = await this.#receive(items, size, pollSeconds, signal);
      const pollMs = clock.monotonicMs() - startedMs;
      if (received > 0) empty = 0;
      else if (pollMs >= shortestPollMs) empty++;
      else await sleep(clock, earlyEndPauseMs, signal);
      while (received > 0 && items.length < size && clock.monotonicMs() - startedMs < batchForMs) {
        received = await this.#receive(items, size, 0, signal);
      }
      yield items;
    }
  }

  isLasting(fate: Fate): boolean {
    return !this.#options.keep && (fate === 'published' || fate === 'suppressed');
  }

  async finish(settled: readonly SettledItem[]): Promise<void> {
    const keys = settled.filter(({ fate }) => this.isLasting(fate)).map(({ item }) => item.key);
    await Promise.all(keys.map((key) => this.#delete(key)));
  }

  unfinished(): readonly string[] {
    return [...this.#undeleted];
  }

  async close(): Promise<Remainder> {
    const held = [...this.#held.values()];
    for (let at = 0; at < held.length; at += releasesAtOnce) {
      await Promise.all(held.slice(at, at + releasesAtOnce).map((lease) => lease.release(1)));
    }
    this.#held.clear();
    await this.#options.queue.close();
    return {
      released: held.length,
      notDeleted: this.#failedDeletes.size,
      notLookedAt: this.#notLookedAt,
    };
  }

  /** One poll. @returns how many messages it brought; those that are new go to `items`. */
  async #receive(
    items: ReplayItem[],
    size: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { queue } = this.#options;
    const max = Math.min(16, size - items.length, maxHeld - this.#held.size);
    if (max <= 0) return 0;
    const deliveries = await this.#retried(() => queue.receive(max, waitSeconds, signal), signal);
    for (const delivery of deliveries) {
      const item = this.#hold(delivery);
      if (item) items.push(item);
    }
    return deliveries.length;
  }

  /** @returns undefined for a message that was looked at before: only its lease is another now. */
  #hold(delivery: Delivery): ReplayItem | undefined {
    const { queue, clock, origin, policy } = this.#options;
    const { message } = delivery;
    const key = `${this.name}/${message.messageId}`;
    const before = this.#held.get(key);
    before?.abandon();
    const visibilityMs = this.#visibilityMs;
    const { messageId, attempt, enqueuedAtMs, damaged, properties } = message;
    // Thousands are held until the scan is over: without their bodies.
    const bare = { messageId, attempt, enqueuedAtMs, damaged, properties, body: '' };
    const held = { ...delivery, message: bare };
    this.#held.set(
      key,
      new Lease({ queue, acks: this.#acks, delivery: held, visibilityMs, maxLeaseMs, clock }),
    );
    if (this.#undeleted.has(key)) {
      // One that cannot be deleted is held like the others: it would be received for ever.
      if ((this.#failedDeletes.get(key) ?? 0) < maxDeletes) void this.#delete(key);
      return undefined;
    }
    if (before) return undefined;
    const { content, event } = contentOfReading(readMessage(message, origin, policy));
    return {
      key,
      facts: { timeMs: enqueuedAtMs, queue: queue.name, ...(event && { event }) },
      content,
      trace: traceContextOf(message.properties),
    };
  }

  async #delete(key: string): Promise<void> {
    this.#undeleted.add(key);
    const lease = this.#held.get(key);
    if (!lease) return;
    if (await lease.ack()) {
      this.#undeleted.delete(key);
      this.#failedDeletes.delete(key);
    } else this.#failedDeletes.set(key, (this.#failedDeletes.get(key) ?? 0) + 1);
    if (this.#held.get(key) === lease) this.#held.delete(key);
  }

  /**
   * A call that may fail now and then. One that MNS refuses, as for want of a permission, is not made again.
   */
  async #retried<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, queue, onTrouble } = this.#options;
    for (let failures = 1; ; failures++) {
      try {
        return await call();
      } catch (error) {
        const isRefused = error instanceof MnsError && error.hadNoEffect && !isThrottled(error);
        if (signal.aborted || isRefused || failures === maxFailures) throw error;
        onTrouble(queue.name, error);
        await sleep(clock, backOffMs(failureBackOff, failures), signal);
      }
    }
  }
}

function isThrottled({ status, code }: MnsError): boolean {
  return status === 429 || code === 'QpsLimitExceeded' || code.endsWith('Expired');
}
