import { ErrorCode, type NatsError } from 'nats';
import { isClientError } from '../error-codes.js';
import { backOffMs, sleep, type Clock } from '../../time.js';
import { nextMessageId } from './message-id.js';
import { notCommitted } from './pub-ack.js';
import type { PubAck, Publication, Publisher } from './publisher.js';
import { StreamLookup } from '../streams/lookup.js';
import type { StreamReader } from '../streams/reader.js';
import { StreamSteadiness } from '../streams/steadiness.js';
import { Turns } from './turns.js';
import type { WindowPast } from '../streams/window-past.js';

export interface ConfirmEvents {
  /**
   * The stream took a publication for a duplicate of its message `seq`, which it does not hold: published
   * again.
   */
  duplicateAbsent(stream: string, msgId: string, seq: number): void;
  /** NATS does not permit to look at the stream: its word "duplicate" is taken for true. */
  duplicateUnseen(stream: string, reason: string): void;
}

export interface ConfirmedPublisherOptions {
  wire: Pick<Publisher, 'publish'>;
  reader: Pick<StreamReader, 'get' | 'nextOnSubject' | 'state'>;
  clock: Clock;
  events: ConfirmEvents;
  /** The ids that the streams have forgotten although they hold the message. */
  past: WindowPast;
}

/** Look-ups at once: they are rare, and NATS answers them beside what it stores. */
const lookUpsAtOnce = 32;
/** A publication without a PubAck for so long is looked for in the stream. */
const lookAfterMs = 10_000;
const lookEveryMs = 5_000;
/**
 * A stream that answers with a lower last sequence number than it named is catching up; no longer than this.
 */
const catchUpMs = 10_000;
const againBackOff = { baseMs: 100, maxMs: 2_000 };

/**
 * Publishes until the stream holds the publication. Its word "duplicate" alone does not count: ids outlive
 * what was purged, trimmed, removed or rolled back, and nats-server 2.10 says it of what was proposed and
 * never stored. What the stream does not hold is published again under the id of `nextMessageId`, since it
 * goes on refusing the one before.
 */
export class ConfirmedPublisher {
  readonly #options: ConfirmedPublisherOptions;
  readonly #turns = new Turns(lookUpsAtOnce);
  readonly #lookups = new Map<string, StreamLookup>();
  readonly #steadiness: StreamSteadiness;

  constructor(options: ConfirmedPublisherOptions) {
    this.#options = options;
    this.#steadiness = new StreamSteadiness(options.reader, options.clock);
  }

  /**
   * Resolves once the stream holds the publication.
   * @throws PublishRejectedError when it never will.
   * @throws the signal's reason when that is aborted first; the publication may be stored all the same.
   */
  async publish(publication: Publication, signal: AbortSignal): Promise<PubAck> {
    const { clock, events } = this.#options;
    const { stream } = publication;
    const forgotten = await this.#findForgotten(publication, signal);
    if (forgotten !== undefined) return { seq: forgotten, duplicate: true };
    let attempt = publication;
    let behindSinceMs: number | undefined;
    for (let failures = 0; ;) {
      const ack = await this.#publishOrFind(attempt, signal);
      if (ack.seq > 0 && !ack.duplicate) return ack;
      const held = ack.seq === 0 ? 'absent' : await this.#isHeld(attempt, ack.seq, signal);
      if (held === 'held') return ack;
      behindSinceMs ??= clock.monotonicMs();
      const isCatchingUp = held === 'behind' && clock.monotonicMs() - behindSinceMs < catchUpMs;
      if (held === 'unknown' || isCatchingUp) {
        await sleep(clock, backOffMs(againBackOff, ++failures), signal);
        continue;
      }
      events.duplicateAbsent(stream, attempt.msgId, ack.seq);
      attempt = { ...attempt, msgId: nextMessageId(attempt.msgId, ack.seq) };
      behindSinceMs = undefined;
    }
  }

  /** The place of what the stream holds though it may have forgotten its id. Asks until NATS answers. */
  async #findForgotten(
    { stream, subject, msgId, happenedAtMs }: Publication,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { clock, events, past } = this.#options;
    if (happenedAtMs === undefined || !past.mayHaveForgotten(stream, happenedAtMs)) return undefined;
    for (let failures = 1; ; failures++) {
      try {
        return await this.find(stream, subject, msgId, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isNotPermitted(error)) {
          events.duplicateUnseen(stream, error.message);
          return undefined;
        }
        await sleep(clock, backOffMs(againBackOff, failures), signal);
      }
    }
  }

  /**
   * @returns the PubAck, or one of what was found in the stream; sequence 0 when the server lost what it
   * calls a duplicate.
   */
  async #publishOrFind(publication: Publication, signal: AbortSignal): Promise<PubAck> {
    const { wire, clock } = this.#options;
    signal.throwIfAborted();
    const own = new AbortController();
    const follow = (): void => {
      own.abort(signal.reason);
    };
    signal.addEventListener('abort', follow, { once: true });
    let notCommittedAtMs: number | undefined;
    let cancel: (() => void) | undefined;
    const found = new Promise<PubAck>((resolve) => {
      cancel = clock.after(lookAfterMs, () => {
        void this.#look(publication, () => notCommittedAtMs, own.signal).then((ack) => {
          if (ack) resolve(ack);
        });
      });
    });
    const stored = wire.publish(publication, own.signal, (reason) => {
      notCommittedAtMs = reason === notCommitted ? clock.monotonicMs() : undefined;
    });
    try {
      return await Promise.race([stored, found]);
    } finally {
      cancel?.();
      signal.removeEventListener('abort', follow);
      own.abort(new Error('the stream has it'));
    }
  }

  /**
   * Looks for a publication without a PubAck, again and again. @returns undefined when the signal is aborted.
   */
  async #look(
    { stream, subject, msgId }: Publication,
    notCommittedAtMs: () => number | undefined,
    signal: AbortSignal,
  ): Promise<PubAck | undefined> {
    while (!signal.aborted) {
      try {
        const steadySinceMs = await this.#steadiness.sinceMs(stream, signal).catch(() => undefined);
        const found = await this.find(stream, subject, msgId, signal);
        if (found !== undefined) return { seq: found, duplicate: true };
        const saidAtMs = notCommittedAtMs();
        // All that the leader had proposed when it became steady is stored or dropped, and it still refuses
        // the id.
        if (steadySinceMs !== undefined && saidAtMs !== undefined && saidAtMs > steadySinceMs)
          return { seq: 0, duplicate: true };
      } catch {
        // NATS does not answer, or does not permit the look: the publication goes on being tried.
      }
      await sleep(this.#options.clock, lookEveryMs, signal);
    }
    return undefined;
  }

  /**
   * The place in the stream of a message of this id on the subject; undefined when there is none.
   * @throws NatsError when NATS does not answer or does not permit the look; the signal's reason when that is
   * aborted.
   */
  async find(
    stream: string,
    subject: string,
    msgId: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    let lookup = this.#lookups.get(stream);
    if (!lookup) this.#lookups.set(stream, (lookup = new StreamLookup(this.#options.reader, stream)));
    const found = lookup;
    return (await this.#turns.take(() => found.find(subject, msgId, signal), signal))?.seq;
  }

  /** Whether the stream holds the message of which it says that the publication is a duplicate. */
  async #isHeld(
    { stream, msgId }: Publication,
    seq: number,
    signal: AbortSignal,
  ): Promise<'held' | 'absent' | 'behind' | 'unknown'> {
    const { reader, events } = this.#options;
    try {
      return await this.#turns.take(async () => {
        const message = await reader.get(stream, seq, signal);
        if (message?.headers['Nats-Msg-Id'] === msgId) return 'held';
        if (message) return 'absent';
        const lastSeq = await reader.state(stream, signal).then(
          (state) => state.lastSeq,
          (error: unknown) => {
            if (isNotPermitted(error)) return seq;
            throw error;
          },
        );
        return lastSeq < seq ? 'behind' : 'absent';
      }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isNotPermitted(error)) return 'unknown';
      events.duplicateUnseen(stream, error.message);
      return 'held';
    }
  }
}

function isNotPermitted(error: unknown): error is NatsError {
  return isClientError(error, ErrorCode.PermissionsViolation);
}
