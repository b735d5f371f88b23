import { ErrorCode, createInbox, type NatsConnection, type Subscription } from 'nats';
import { isClientError } from '../error-codes.js';
import { backOffMs, type Clock } from '../../time.js';
import { inboxPrefix } from '../connection.js';
import { NotStoredError, PublishRejectedError } from './not-stored.js';
import { Outlet } from './outlet.js';
import { toPending, type Publication } from './pending.js';
import { noStream, readPubAck, type RefusalScope, type PubAck } from './pub-ack.js';
import type { StoreGate } from './store-gate.js';
import { decideAfterMs, StreamLane, type Asking, type OnTryAgain, type Pending } from './lane.js';

export type { Publication } from './pending.js';
export type { PubAck } from './pub-ack.js';
export interface PublisherOptions {
  connection: NatsConnection;
  /** Closed while `gatedStream` does not store; no other stream closes it. */
  gate: StoreGate;
  gatedStream: string;
  clock: Clock;
  /** Publishes to one stream that wait for their PubAck at once, at most. */
  maxInFlight: number;
  /** A publish without PubAck for this long is sent again, under the same id. */
  ackTimeoutMs: number;
  /** Told of each reason for trying again, when it is not the one before of the stream. */
  onTrouble(reason: string, stream: string): void;
  /** Told each time that no stream takes what is published. */
  onNoStream(stream: string): void;
  /** Called when a stream refuses a publication for a lasting reason; not for rejected events. */
  onNotStored(error: NotStoredError): void;
}

const backOff = { baseMs: 50, maxMs: 2_000 };
const sweepMs = 250;
const largerThanServer = 'the message is larger than the server takes';

/**
 * Publishes to JetStream: many at a time over one reply subscription, each tried until it is stored, refused
 * for good, or its signal is aborted. Each stream has its own places and its own health, so that none holds
 * up another. The library's `js.publish` gives up on a timeout, loses what a reconnect cuts and costs more.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #inbox: string;
  readonly #replies: Subscription;
  readonly #pending = new Map<string, Pending>();
  readonly #lanes = new Map<string, StreamLane>();
  readonly #outlet: Outlet;
  #connected = true;
  #nextId = 0;
  #cancelSweep: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#outlet = new Outlet(options.connection, () => {
      for (const pending of this.#pending.values()) if (pending.write === 0) this.#send(pending);
    });
    this.#inbox = createInbox(inboxPrefix);
    this.#replies = options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#onReply(message.subject.slice(this.#inbox.length + 1), readPubAck(message));
      },
    });
  }

  /**
   * Resolves once the stream says that it has stored it; ConfirmedPublisher knows whether it holds it.
   * @throws PublishRejectedError when it never will, NotStoredError when not now, for a lasting reason.
   * @throws the signal's reason when that is aborted first; the publication may be stored all the same.
   */
  async publish(publication: Publication, signal: AbortSignal, onTryAgain?: OnTryAgain): Promise<PubAck> {
    const lane = this.#laneOf(publication.stream);
    await lane.window.enter(signal);
    if (signal.aborted) {
      lane.window.leave();
      throw signal.reason as Error;
    }
    return await new Promise<PubAck>((resolve, reject) => {
      const id = (this.#nextId++).toString(36);
      const leave = (): void => {
        this.#reject(pending, signal.reason);
      };
      const forget = (): void => {
        signal.removeEventListener('abort', leave);
      };
      const pending = toPending(publication, { id, lane, onTryAgain, resolve, reject, forget });
      signal.addEventListener('abort', leave, { once: true });
      this.#pending.set(id, pending);
      lane.pending.add(pending);
      this.#send(pending);
      this.#cancelSweep ??= this.#scheduleSweep();
    });
  }

  /** The publications that are pending for the gated stream. */
  get asking(): Asking {
    return this.#laneOf(this.#options.gatedStream).asking;
  }

  /** The connection is gone: nothing can be stored until it is back. */
  disconnected(): void {
    this.#connected = false;
    this.#options.gate.close('the connection to NATS is lost');
  }

  /** The connection is back: everything in flight is sent again, since the library buffers nothing. */
  reconnected(): void {
    // The library may say it once for each of its attempts; sending everything again once is enough.
    if (this.#connected) return;
    this.#connected = true;
    this.#outlet.reset();
    const nowMs = this.#options.clock.monotonicMs();
    for (const lane of this.#lanes.values()) lane.lastAckMs = nowMs;
    for (const pending of this.#pending.values()) {
      pending.firstSentMs = nowMs;
      pending.write = 0;
      this.#send(pending);
    }
  }

  /** The server denies what is published to this subject. */
  denied(subject: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.subject !== subject) continue;
      this.#refused(pending, 'the account has no permission to publish it', 'unclear');
    }
  }

  /** Call when nothing is in flight. */
  close(): void {
    this.#cancelSweep?.();
    this.#replies.unsubscribe();
  }

  #laneOf(stream: string): StreamLane {
    const { gatedStream, maxInFlight } = this.#options;
    const lane = this.#lanes.get(stream) ?? new StreamLane(stream, stream === gatedStream, maxInFlight);
    this.#lanes.set(stream, lane);
    return lane;
  }

  #send(pending: Pending): void {
    if (!this.#connected || this.#outlet.isFull) return;
    const { clock, ackTimeoutMs } = this.#options;
    if (pending.tries === 0) pending.firstSentMs = clock.monotonicMs();
    pending.tries++;
    pending.dueMs = clock.monotonicMs() + ackTimeoutMs;
    const { subject, body, headers, id } = pending;
    try {
      pending.write = this.#outlet.write(subject, body, { headers, reply: `${this.#inbox}.${id}` });
    } catch (error) {
      // Any error but a message that is too large means a connection that is closed for good.
      const isTooLarge = isClientError(error, ErrorCode.MaxPayloadExceeded);
      this.#reject(pending, isTooLarge ? new PublishRejectedError(largerThanServer) : error);
    }
  }

  #onReply(id: string, answer: ReturnType<typeof readPubAck>): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    const { lane } = pending;
    switch (answer.kind) {
      case 'stored':
        this.#settle(pending);
        // A PubAck may still be read after the connection broke.
        if (
          lane.stored(this.#options.clock.monotonicMs(), answer.duplicate) &&
          lane.isGated &&
          this.#connected
        ) {
          if (!this.#options.gate.isOpen) for (const each of lane.pending) each.dueMs = 0;
          this.#options.gate.stored();
        }
        pending.resolve(answer);
        return;
      case 'rejected':
        this.#reject(pending, new PublishRejectedError(answer.reason));
        return;
      case 'refused':
        this.#refused(pending, answer.reason, answer.scope);
        return;
      case 'try-again':
        pending.refusal = undefined;
        this.#tryLater(pending, answer.reason);
    }
  }

  #refused(pending: Pending, reason: string, scope: RefusalScope): void {
    pending.lane.refused(pending, reason, scope, this.#options.clock.monotonicMs());
    if (!this.#giveUp(pending)) this.#tryLater(pending, reason);
  }

  #giveUp(pending: Pending): boolean {
    const error = pending.lane.verdict(pending, this.#options.clock.monotonicMs());
    if (error === undefined) return false;
    this.#options.onNotStored(error);
    this.#reject(pending, error);
    return true;
  }

  #tryLater(pending: Pending, reason: string): void {
    const { stream, trouble } = pending.lane;
    pending.reason = reason;
    pending.onTryAgain?.(reason);
    if (reason === noStream) this.#options.onNoStream(stream);
    pending.dueMs = this.#options.clock.monotonicMs() + backOffMs(backOff, pending.tries);
    if (reason !== trouble) this.#options.onTrouble(reason, stream);
    pending.lane.trouble = reason;
  }

  #reject(pending: Pending, error: unknown): void {
    this.#settle(pending);
    if (error instanceof PublishRejectedError && !pending.lane.isGated)
      this.#options.onNotStored(new NotStoredError(pending.lane.stream, pending.subject, error.message));
    pending.reject(error);
  }

  #settle(pending: Pending): void {
    if (!this.#pending.delete(pending.id)) return;
    pending.lane.pending.delete(pending);
    pending.forget();
    if (pending.hasPlace) pending.lane.window.leave();
  }

  #scheduleSweep(): () => void {
    return this.#options.clock.after(sweepMs, () => {
      if (this.#connected) for (const lane of this.#lanes.values()) this.#sweep(lane);
      this.#cancelSweep = this.#pending.size > 0 ? this.#scheduleSweep() : undefined;
    });
  }

  #sweep(lane: StreamLane): void {
    const { gate, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    let [oldestMs, next]: [number, Pending?] = [nowMs];
    for (const pending of [...lane.pending]) {
      // While nothing is stored anywhere, what is held by its lease is best kept.
      if (gate.isOpen && this.#giveUp(pending)) continue;
      oldestMs = Math.min(oldestMs, pending.refusal?.sinceMs ?? pending.firstSentMs);
      // Nothing is written again into a connection that has not taken what it has.
      if (pending.dueMs > nowMs || !this.#outlet.hasTaken(pending.write)) continue;
      if (gate.isOpen || !lane.isGated || pending.write === 0) this.#send(pending);
      else if (!next || pending.dueMs < next.dueMs) next = pending;
    }
    // One asks for all.
    if (next) this.#send(next);
    if (lane.isGated && nowMs - Math.max(oldestMs, lane.lastAckMs) > decideAfterMs) {
      gate.close(lane.trouble ?? 'NATS acknowledges nothing of what is published');
    }
  }
}
