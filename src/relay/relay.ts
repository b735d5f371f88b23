import { readMessage, type ReadingPolicy } from '../decode/read-message.js';
import type { DeadLetterCode } from '../event/dead-letter-code.js';
import { traceContextOf } from '../event/trace-context.js';
import type { EventOrigin } from '../event/vod-event.js';
import { deadLetterPublication, eventPublication } from '../nats/publish/publication.js';
import { NotStoredError, PublishRejectedError } from '../nats/publish/not-stored.js';
import type { Publication, Publisher } from '../nats/publish/publisher.js';
import type { ReceivedMessage } from '../receive/queue.js';
import type { Outcome } from './outcome.js';
import { settle, type SettleableLease } from './settle.js';

/** The part of a lease that the path of a message needs. */
export interface RelayLease extends SettleableLease {
  readonly message: ReceivedMessage;
  /** Aborted when the work on the message must end. */
  readonly signal: AbortSignal;
}

export interface RelayOptions extends ReadingPolicy {
  publisher: Pick<Publisher, 'publish'>;
  /** Whose events these are: the queue's. */
  origin: EventOrigin;
  /** After this many deliveries an unknown failure becomes a dead letter. */
  maxAttempts: number;
  /** Told of each message once it is settled. */
  onSettled: (message: ReceivedMessage, outcome: Outcome) => void;
}

/**
 * The path of one message, from the queue to its outcome:
 *
 *     decode → identify → publish → PubAck → settle (ack to MNS, last)
 *
 * The returned function never rejects, whatever the message holds and whatever fails.
 */
export function createRelay(options: RelayOptions): (lease: RelayLease) => Promise<Outcome> {
  const { publisher, origin, prefix, maxAttempts, onSettled } = options;

  return async (lease) => {
    let outcome: Outcome;
    try {
      outcome = await publish(lease);
    } catch (error) {
      outcome = await recover(lease, error);
    }
    outcome = await settle(lease, outcome);
    onSettled(lease.message, outcome);
    return outcome;
  };

  async function publish(lease: RelayLease): Promise<Outcome> {
    const prepared = prepare(lease.message);
    if ('code' in prepared) return await deadLetter(lease, prepared.code, prepared.reason, prepared.at);
    if ('kind' in prepared) return prepared;
    const { publication, isForeign, mediaId } = prepared;
    const about = { eventId: publication.msgId, ...(mediaId !== undefined && { mediaId }) };
    try {
      const { duplicate } = await publisher.publish(publication, lease.signal);
      return { kind: duplicate ? 'duplicate' : isForeign ? 'forwarded' : 'published', ...about };
    } catch (error) {
      return { ...(await recover(lease, error)), ...about };
    }
  }

  /**
   * Decodes and identifies. Of all the texts on the way only the bytes to publish are left: many wait at
   * once.
   */
  function prepare(message: ReceivedMessage): Prepared | { kind: 'discarded' } | LetterFacts {
    const reading = readMessage(message, origin, options);
    if (reading.kind === 'undecodable') {
      const { code, reason, at } = reading;
      return { code, reason, at };
    }
    if (reading.kind === 'discarded') return { kind: 'discarded' };
    const { event, message: cloudEvent } = reading;
    const publication = eventPublication(prefix, cloudEvent, traceContextOf(message.properties));
    const body = Buffer.from(cloudEvent.body);
    const { kind, mediaId } = event;
    return { publication: { ...publication, body }, isForeign: kind === 'foreign', mediaId };
  }

  async function deadLetter(
    { message, signal }: RelayLease,
    code: DeadLetterCode,
    reason: string,
    at: string,
  ): Promise<Outcome> {
    const { messageId, attempt, enqueuedAtMs, damaged, damage } = message;
    const body = damage?.xml ?? message.bodyBytes ?? message.body;
    const letter = {
      queue: origin.queue,
      messageId,
      attempt,
      enqueuedAtMs,
      body,
      ...(damage ? { form: 'message-xml' as const } : damaged && { form: 'xml-text' as const }),
      code,
      reason,
      at,
      trace: traceContextOf(message.properties),
    };
    await publisher.publish(deadLetterPublication(prefix, letter), signal);
    return { kind: 'dead-lettered', code, reason, at };
  }

  /**
   * The outcome of a message whose publish failed. An unknown error means redeliver, a bounded number of
   * times.
   */
  async function recover(lease: RelayLease, error: unknown): Promise<Outcome> {
    const interrupted = outcomeOfInterruption(lease);
    if (interrupted) return interrupted;
    const { attempt } = lease.message;
    try {
      if (error instanceof PublishRejectedError)
        return await deadLetter(lease, 'publish-rejected', error.message, '');
      if (attempt >= maxAttempts) {
        return await deadLetter(
          lease,
          'attempts-exhausted',
          `failed ${attempt} times: ${error instanceof NotStoredError ? error.message : (error as Error).name}`,
          '',
        );
      }
    } catch (failure) {
      const interruptedNow = outcomeOfInterruption(lease);
      if (interruptedNow) return interruptedNow;
      return { kind: 'released', delaySeconds: redeliverAfterSeconds(attempt), cause: failure };
    }
    return { kind: 'released', delaySeconds: redeliverAfterSeconds(attempt), cause: error };
  }
}

/** An event that is ready to be published. */
interface Prepared {
  publication: Publication;
  isForeign: boolean;
  mediaId: string | undefined;
}

type LetterFacts = { code: DeadLetterCode; reason: string; at: string };

function outcomeOfInterruption({ interruption }: RelayLease): Outcome | undefined {
  switch (interruption) {
    case undefined:
      return undefined;
    case 'lost':
      return { kind: 'lease-lost' };
    case 'release':
      return { kind: 'released', delaySeconds: 1 };
    case 'abandon':
      return { kind: 'abandoned' };
  }
}

/** Doubles with each delivery, up to five minutes. */
function redeliverAfterSeconds(attempt: number): number {
  return Math.min(300, 2 ** Math.min(attempt, 10));
}
