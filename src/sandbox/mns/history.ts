import type { MessageHistory, QueueCounters } from '../control/types.js';
import type { Message } from './message.js';

/** A change of visibility to this or less counts as handing the message back. */
const releaseMs = 1000;

/**
 * The history of a queue: counted, and recorded by message, the ended ones included. The records of the
 * oldest messages are forgotten beyond `limit`.
 */
export class QueueHistory {
  readonly counters: QueueCounters = {
    sent: 0,
    received: 0,
    deleted: 0,
    released: 0,
    changedVisibility: 0,
    duplicated: 0,
    deadLettered: 0,
    expired: 0,
  };
  readonly #records = new Map<string, MessageHistory>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  started({ id, history }: Message): void {
    this.counters.sent += 1;
    this.#records.set(id, history);
    if (this.#records.size <= this.#limit) return;
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      return;
    }
  }

  delivered({ history }: Message, nowMs: number, isStillVisible: boolean): void {
    this.counters.received += 1;
    if (isStillVisible) this.counters.duplicated += 1;
    history.deliveries += 1;
    history.lastDeliveredMs = nowMs;
  }

  visibilityChanged({ history }: Message, nowMs: number, visibilityMs: number): void {
    this.counters.changedVisibility += 1;
    history.visibilityChanges += 1;
    if (visibilityMs > releaseMs) return;
    this.counters.released += 1;
    history.releases += 1;
    history.lastReleasedMs = nowMs;
  }

  ended({ history }: Message, end: NonNullable<MessageHistory['end']>, nowMs: number): void {
    if (end === 'deleted') this.counters.deleted += 1;
    else if (end === 'expired') this.counters.expired += 1;
    else this.counters.deadLettered += 1;
    history.end = end;
    history.endMs = nowMs;
  }

  find(id: string): MessageHistory | undefined {
    return this.#records.get(id);
  }

  all(): MessageHistory[] {
    return [...this.#records.values()];
  }
}
