import { DueHeap } from './due-heap.js';
import type { Message, MessageDue } from './message.js';

/** All messages of one queue with their states, counted, and their due times, ordered. */
export class MessageBook {
  readonly #messages = new Map<string, Message>();
  readonly #wakes = new DueHeap<MessageDue>();
  readonly #expiries = new DueHeap<MessageDue>();
  readonly #count = { active: 0, inactive: 0, delayed: 0, gone: 0 };
  #held = 0;

  add(message: Message): void {
    this.#messages.set(message.id, message);
    this.#count[message.state] += 1;
  }

  /** Takes a message out for good. */
  remove(message: Message): void {
    this.#messages.delete(message.id);
    this.#wakes.remove(message.wake);
    this.#expiries.remove(message.expiry);
    this.hold(message, false);
    this.move(message, 'gone');
  }

  find(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  all(): IterableIterator<Message> {
    return this.#messages.values();
  }

  move(message: Message, state: Message['state']): void {
    this.#count[message.state] -= 1;
    this.#count[state] += 1;
    message.state = state;
  }

  /** Notes whether somebody has a valid handle from a delivery. */
  hold(message: Message, isHeld: boolean): void {
    if (message.isHeld !== isHeld) this.#held += isHeld ? 1 : -1;
    message.isHeld = isHeld;
  }

  counts(): { active: number; inactive: number; delayed: number; undeleted: number } {
    const { active, inactive, delayed } = this.#count;
    return { active, inactive, delayed, undeleted: this.#held };
  }

  get hasActive(): boolean {
    return this.#count.active > 0;
  }

  /** The message becomes visible at `dueMs`, whatever was planned before. */
  wakeAt(message: Message, dueMs: number): void {
    this.#wakes.remove(message.wake);
    message.wake.dueMs = dueMs;
    this.#wakes.add(message.wake);
  }

  /** The message ends at `dueMs`, whatever was planned before. */
  expireAt(message: Message, dueMs: number): void {
    this.#expiries.remove(message.expiry);
    message.expiry.dueMs = dueMs;
    this.#expiries.add(message.expiry);
  }

  /** When the next message becomes visible, epoch milliseconds; infinite if none will. */
  get nextWakeMs(): number {
    return this.#wakes.first()?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** A message that becomes visible by `nowMs`; it is no longer planned then. */
  takeAwake(nowMs: number): Message | undefined {
    return this.#wakes.takeDue(nowMs)?.message;
  }

  /** A message whose retention is over by `nowMs`; it is no longer planned then. */
  takeExpired(nowMs: number): Message | undefined {
    return this.#expiries.takeDue(nowMs)?.message;
  }
}
