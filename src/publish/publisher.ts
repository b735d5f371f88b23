import {
  createInbox,
  headers as createHeaders,
  NatsError,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from 'nats';
import { backOffMs, type Clock } from '../time.js';
import { inboxPrefix } from './connection.js';
import { noStream, readPubAck } from './pub-ack.js';
import type { StoreGate } from './store-gate.js';
import { PublishWindow } from './publish-window.js';

/** One message to store in a stream. */
export interface Publication {
  /** Safe tokens only: the client library does not check subjects. */
  subject: string;
  /** The stream that has to store it; another stream that listens to the subject is refused. */
  stream: string;
  /** `Nats-Msg-Id`: the stream stores one message of an id within its duplicate window. */
  msgId: string;
  body: string | Uint8Array;
  headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds: not stored before. Only where the subject is one media's. */
  happenedAtMs?: number;
}

/** JetStream's word that the publication is stored. */
export interface PubAck {
  seq: number;
  /** It was stored before, and this publish changed nothing. */
  duplicate: boolean;
}

/** JetStream will not store this publication, however often it is tried. */
export class PublishRejectedError extends Error {
  override readonly name = 'PublishRejectedError';
}

export interface PublisherOptions {
  connection: NatsConnection;
  gate: StoreGate;
  clock: Clock;
  /** Publishes that wait for their PubAck at once, at most. */
  maxInFlight: number;
  /** A publish without PubAck for this long is sent again, under the same id. */
  ackTimeoutMs: number;
  /** Told of each reason for trying again, when it is not the one before. */
  onTrouble(reason: string): void;
  /** Told each time that no stream takes what is published. */
  onNoStream(): void;
}

type OnTryAgain = (reason: string) => void;

interface Pending {
  publication: Publication;
  headers: MsgHdrs;
  signal: AbortSignal;
  tries: number;
  firstSentMs: number;
  /** Monotonic time at which the next try is due, or at which the PubAck is overdue. */
  dueMs: number;
  resolve(ack: PubAck): void;
  reject(error: unknown): void;
  leave: () => void;
  onTryAgain: OnTryAgain | undefined;
}

const backOff = { baseMs: 50, maxMs: 2_000 };
const sweepMs = 250;
/** Without any PubAck for this long, while some are due, NATS does not store, and the gate closes. */
const storesWithinMs = 1_250;

/**
 * Publishes to JetStream: many at a time over one reply subscription, each tried until it is stored, refused for
 * good, or its signal is aborted. The library's own `js.publish` gives up on a timeout, loses what is sent during a
 * reconnect and costs three times the CPU.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #inbox: string;
  readonly #replies: Subscription;
  readonly #pending = new Map<string, Pending>();
  readonly #window: PublishWindow;
  #connected = true;
  #nextId = 0;
  #lastAckMs = 0;
  #trouble: string | undefined;
  #cancelSweep: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#window = new PublishWindow(options.maxInFlight);
    this.#inbox = createInbox(inboxPrefix);
    this.#replies = options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#onReply(message.subject.slice(this.#inbox.length + 1), readPubAck(message));
      },
    });
  }

  /**
   * Resolves once the stream says that it has stored the publication; whether it holds it, ConfirmedPublisher knows.
   * @throws PublishRejectedError when it never will.
   * @throws the signal's reason when that is aborted first; the publication may be stored all the same.
   */
  async publish(publication: Publication, signal: AbortSignal, onTryAgain?: OnTryAgain): Promise<PubAck> {
    const headers = toHeaders(publication);
    await this.#window.enter(signal);
    if (signal.aborted) {
      this.#window.leave();
      throw signal.reason as Error;
    }
    return await new Promise<PubAck>((resolve, reject) => {
      const id = (this.#nextId++).toString(36);
      const leave = (): void => {
        this.#settle(id);
        reject(signal.reason as Error);
      };
      const pending = {
        publication,
        headers,
        signal,
        tries: 0,
        firstSentMs: this.#options.clock.monotonicMs(),
        dueMs: 0,
        resolve,
        reject,
        leave,
        onTryAgain,
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#pending.set(id, pending);
      if (this.#connected) this.#send(id, pending);
      this.#cancelSweep ??= this.#scheduleSweep();
    });
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
    this.#lastAckMs = this.#options.clock.monotonicMs();
    for (const [id, pending] of this.#pending) {
      pending.firstSentMs = this.#lastAckMs;
      this.#send(id, pending);
    }
    if (this.#pending.size === 0) this.#options.gate.open();
  }

  /** Call when nothing is in flight. */
  close(): void {
    this.#cancelSweep?.();
    this.#replies.unsubscribe();
  }

  #send(id: string, pending: Pending): void {
    const { connection, clock, ackTimeoutMs } = this.#options;
    pending.tries++;
    pending.dueMs = clock.monotonicMs() + ackTimeoutMs;
    const { subject, body } = pending.publication;
    try {
      connection.publish(subject, body, { headers: pending.headers, reply: `${this.#inbox}.${id}` });
    } catch (error) {
      // Anything but a message that is too large means a connection that is closed for good, whatever the message.
      const isTooLarge = error instanceof NatsError && error.code === 'MAX_PAYLOAD_EXCEEDED';
      this.#settle(id);
      pending.reject(
        isTooLarge ? new PublishRejectedError('the message is larger than the server takes') : error,
      );
    }
  }

  #onReply(id: string, answer: ReturnType<typeof readPubAck>): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    switch (answer.kind) {
      case 'stored':
        this.#settle(id);
        this.#lastAckMs = this.#options.clock.monotonicMs();
        this.#trouble = undefined;
        // A PubAck may still be read after the connection broke.
        if (this.#connected) this.#options.gate.open();
        pending.resolve(answer);
        return;
      case 'rejected':
        this.#settle(id);
        pending.reject(new PublishRejectedError(answer.reason));
        return;
      case 'try-again':
        this.#tryLater(pending, answer.reason);
    }
  }

  #tryLater(pending: Pending, reason: string): void {
    pending.onTryAgain?.(reason);
    if (reason === noStream) this.#options.onNoStream();
    pending.dueMs = this.#options.clock.monotonicMs() + backOffMs(backOff, pending.tries);
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#options.onTrouble(reason);
  }

  #settle(id: string): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.signal.removeEventListener('abort', pending.leave);
    this.#window.leave();
  }

  #scheduleSweep(): () => void {
    return this.#options.clock.after(sweepMs, () => {
      this.#sweep();
      this.#cancelSweep = this.#pending.size > 0 ? this.#scheduleSweep() : undefined;
      // With nothing left to try, only the next message can tell whether NATS stores again.
      if (this.#pending.size === 0 && this.#connected) this.#options.gate.open();
    });
  }

  #sweep(): void {
    if (!this.#connected) return;
    const nowMs = this.#options.clock.monotonicMs();
    let oldestMs = nowMs;
    for (const [id, pending] of this.#pending) {
      oldestMs = Math.min(oldestMs, pending.firstSentMs);
      if (pending.dueMs <= nowMs) this.#send(id, pending);
    }
    if (nowMs - Math.max(oldestMs, this.#lastAckMs) > storesWithinMs) {
      this.#options.gate.close(this.#trouble ?? 'NATS acknowledges nothing of what is published');
    }
  }
}

function toHeaders({ stream, msgId, headers }: Publication): MsgHdrs {
  const result = createHeaders();
  result.set('Nats-Msg-Id', msgId);
  result.set('Nats-Expected-Stream', stream);
  for (const [name, value] of Object.entries(headers)) result.set(name, value);
  return result;
}
