import type { Clock } from '../../time.js';
import type { QueueSpec } from '../control/types.js';
import type { RequestCounts } from '../control/request-counts.js';
import type { QueueAttributes, QueueFacts } from './attributes.js';
import type { HandleFormat } from './handle.js';
import { QueueHistory } from './history.js';
import { MessageBook } from './message-book.js';
import { Message, type MessageDraft } from './message.js';
import { OpenPolls, type PollEnd } from './polls.js';
import { ReadyList } from './ready-list.js';
import type { Random } from '../random.js';

/** The part of its account that a queue needs. */
interface QueueSurroundings {
  clock: Clock;
  handles: HandleFormat;
  createMessageId: () => string;
  /** Hands out messages of one priority in random order; without it, in order of arrival. */
  shuffle: Random | undefined;
  historyLimit: number;
  /** Whether a fault makes this delivery leave its message visible. */
  isDuplicated: () => boolean;
  /**
   * Takes a message whose deliveries are used up into the dead-letter queue, or answers false if that is
   * missing.
   */
  bury: (message: Message, deadLetterQueue: string) => boolean;
}

/** Why a receipt handle is refused, as an MNS error code. */
type HandleProblem = 'MessageNotExist' | 'ReceiptHandleError';

/** Timers cannot run longer; one that comes too early is set again. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * One queue: Delayed → Active → Inactive → Active … until deleted, expired or moved to the dead-letter queue.
 * Due times are caught up with at the start of each call; a timer runs only while somebody waits for them.
 */
export class MnsQueue {
  readonly name: string;
  readonly createdMs: number;
  readonly requests: RequestCounts = {};
  readonly history: QueueHistory;
  readonly #around: QueueSurroundings;
  readonly #book = new MessageBook();
  readonly #ready: ReadyList;
  readonly #polls: OpenPolls;
  #attributes: QueueAttributes;
  #modifiedMs: number;
  #deadLetter: QueueSpec['deadLetter'];
  #timer = { dueMs: Number.POSITIVE_INFINITY, cancel: (): void => undefined };

  constructor(name: string, attributes: QueueAttributes, around: QueueSurroundings) {
    this.name = name;
    this.#attributes = attributes;
    this.#around = around;
    this.createdMs = this.#modifiedMs = around.clock.now();
    this.history = new QueueHistory(around.historyLimit);
    this.#ready = new ReadyList(around.shuffle);
    this.#polls = new OpenPolls(around.clock);
  }

  get attributes(): QueueAttributes {
    return this.#attributes;
  }

  /** Counts of messages by state, and of polls that wait. */
  counts(): { active: number; inactive: number; delayed: number; undeleted: number; openPolls: number } {
    this.#catchUp();
    return { ...this.#book.counts(), openPolls: this.#polls.count };
  }

  facts(): QueueFacts {
    const { name, attributes, createdMs } = this;
    const deadLetter = this.#deadLetter;
    return { name, attributes, createdMs, modifiedMs: this.#modifiedMs, deadLetter, ...this.counts() };
  }

  setAttributes(attributes: QueueAttributes): void {
    this.#modifiedMs = this.#around.clock.now();
    this.#attributes = attributes;
    for (const message of this.#book.all()) this.#scheduleExpiry(message);
    this.#settle(this.#modifiedMs);
  }

  setDeadLetter(policy: QueueSpec['deadLetter']): void {
    this.#deadLetter = policy;
    this.#settle(this.#around.clock.now());
  }

  send(drafts: readonly MessageDraft[]): Message[] {
    const nowMs = this.#catchUp();
    const messages = drafts.map((draft) => this.#add(draft, nowMs));
    this.#settle(nowMs);
    return messages;
  }

  /** Up to `limit` messages, each with a fresh handle, hidden for the queue's visibility timeout. */
  receive(limit: number): Message[] {
    const nowMs = this.#catchUp();
    const messages = this.#take(limit, nowMs);
    this.#settle(nowMs);
    return messages;
  }

  /** Waits for messages after `receive` had none. The returned function gives the wait up. */
  poll(limit: number, waitMs: number, end: PollEnd): () => void {
    const cancel = this.#polls.open(limit, waitMs, end);
    this.#settle(this.#around.clock.now());
    return cancel;
  }

  peek(limit: number): Message[] {
    this.#catchUp();
    return this.#ready.peek(limit);
  }

  /** The message of a valid handle, or why it is not valid. */
  find(handle: string): Message | HandleProblem {
    this.#catchUp();
    const message = this.#book.find(handle.slice(0, 32));
    if (message !== undefined && message.handle === handle) return message;
    return this.#around.handles.messageIdOf(handle) === undefined ? 'ReceiptHandleError' : 'MessageNotExist';
  }

  /** Ends a message that `find` has given. */
  delete(message: Message): void {
    this.#book.remove(message);
    this.history.ended(message, 'deleted', this.#around.clock.now());
  }

  /** Hides a message that `find` has given until `visibilityMs` from now, under a new handle. */
  changeVisibility(message: Message, visibilityMs: number): void {
    const nowMs = this.#around.clock.now();
    this.history.visibilityChanged(message, nowMs, visibilityMs);
    message.handle = this.#around.handles.create(message.id, nowMs, visibilityMs);
    if (message.state === 'active') this.#book.move(message, 'inactive');
    this.#book.wakeAt(message, nowMs + visibilityMs);
    this.#settle(nowMs);
  }

  remaining(): IterableIterator<Message> {
    this.#catchUp();
    return this.#book.all();
  }

  /** Ends all polls and timers. */
  close(): void {
    this.#timer.cancel();
    this.#polls.endAll();
  }

  #add(draft: MessageDraft, nowMs: number): Message {
    const message = new Message(this.#around.createMessageId(), draft, nowMs);
    const delayMs = draft.delayMs ?? this.#attributes.delayMs;
    this.#book.add(message);
    this.history.started(message);
    this.#scheduleExpiry(message);
    if (delayMs > 0) {
      this.#book.move(message, 'delayed');
      message.handle = this.#around.handles.create(message.id, nowMs, delayMs);
      this.#book.wakeAt(message, nowMs + delayMs);
    } else {
      this.#ready.add(message);
    }
    return message;
  }

  #take(limit: number, nowMs: number): Message[] {
    const taken: Message[] = [];
    const visible: Message[] = [];
    const { visibilityMs } = this.#attributes;
    while (taken.length < limit) {
      const message = this.#ready.take();
      if (message === undefined) break;
      message.handle = this.#around.handles.create(message.id, nowMs, visibilityMs);
      message.dequeueCount += 1;
      if (message.dequeueCount === 1) message.firstDequeueMs = nowMs;
      this.#book.hold(message, true);
      if (this.#around.isDuplicated()) {
        message.wake.dueMs = nowMs + visibilityMs; // what the client is told
        visible.push(message);
      } else {
        this.#book.move(message, 'inactive');
        this.#book.wakeAt(message, nowMs + visibilityMs);
      }
      this.history.delivered(message, nowMs, message.state === 'active');
      taken.push(message);
    }
    for (const message of visible) this.#ready.add(message);
    return taken;
  }

  /** Lets happen what was due by now. */
  #catchUp(): number {
    const nowMs = this.#around.clock.now();
    let message = this.#book.takeExpired(nowMs);
    for (; message !== undefined; message = this.#book.takeExpired(nowMs)) {
      this.#book.remove(message);
      this.history.ended(message, 'expired', nowMs);
    }
    message = this.#book.takeAwake(nowMs);
    for (; message !== undefined; message = this.#book.takeAwake(nowMs)) this.#becomeVisible(message, nowMs);
    return nowMs;
  }

  #becomeVisible(message: Message, nowMs: number): void {
    const policy = this.#deadLetter;
    if (policy !== undefined && message.dequeueCount >= policy.maxReceiveCount) {
      if (this.#around.bury(message, policy.queue)) {
        this.#book.remove(message);
        this.history.ended(message, 'dead-lettered', nowMs);
        return;
      }
    }
    message.handle = '';
    this.#book.hold(message, false);
    this.#book.move(message, 'active');
    this.#ready.add(message);
  }

  /** After every change: serves who waits, and sees to it that what comes next is noticed. */
  #settle(nowMs: number): void {
    if (this.#book.hasActive) this.#polls.serve((limit) => this.#take(limit, nowMs));
    this.#watch();
  }

  #watch(): void {
    if (this.#polls.count === 0 && this.#deadLetter === undefined) return;
    const wakeMs = this.#book.nextWakeMs;
    if (wakeMs >= this.#timer.dueMs) return;
    this.#timer.cancel();
    const cancel = this.#around.clock.after(
      Math.min(longestTimerMs, Math.max(0, wakeMs - this.#around.clock.now())),
      () => {
        this.#timer.dueMs = Number.POSITIVE_INFINITY;
        this.#settle(this.#catchUp());
      },
    );
    this.#timer = { dueMs: wakeMs, cancel };
  }

  #scheduleExpiry(message: Message): void {
    this.#book.expireAt(message, message.enqueueTimeMs + this.#attributes.retentionMs);
  }
}
