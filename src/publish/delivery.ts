import { nanos, type Msg, type NatsConnection } from 'nats';
import { plainHeaders } from './stored-message.js';

/** One message that a consumer handed out, and the words that a client can say about it. */
export interface Delivery {
  readonly subject: string;
  /** The first value of each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
  readonly streamSeq: number;
  /** How often it was handed out so far, from 1. */
  readonly deliveries: number;
  /** When the stream stored it, epoch milliseconds. */
  readonly storedAtMs: number;
  /** Done for good. @returns whether the server confirmed it within this long. */
  ack(withinMs: number): Promise<boolean>;
  /** Hand it out again after this long: at once for 0. */
  nak(delayMs: number): void;
  /** Restarts the consumer's `ack_wait`. */
  working(): void;
}

/** @returns undefined for a message that no consumer handed out. */
export function readDelivery(connection: NatsConnection, message: Msg): Delivery | undefined {
  const { reply = '', subject, data } = message;
  const place = readPlace(reply);
  if (!place) return undefined;
  // What is said while the connection is closed is lost, as it would be on the way: the server hands out again.
  const say = (word: string): void => {
    if (!connection.isClosed()) connection.publish(reply, word);
  };
  return {
    subject,
    headers: plainHeaders(() => message.headers),
    data,
    ...place,
    async ack(withinMs) {
      try {
        await connection.request(reply, '+ACK', { timeout: withinMs });
        return true;
      } catch {
        return false;
      }
    },
    nak(delayMs) {
      say(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(Math.ceil(delayMs)) })}` : '-NAK');
    },
    working() {
      say('+WPI');
    },
  };
}

/**
 * The reply subject tells the place of a message: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.
 * <consumer sequence>.<time in ns>.<pending>`, with a domain and an account after `ACK` and a random end in the longer
 * form. Source: ADR-15.
 */
function readPlace(reply: string): Pick<Delivery, 'streamSeq' | 'deliveries' | 'storedAtMs'> | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return undefined;
  const [deliveries, streamSeq, , storedAtNs] = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number);
  if (!deliveries || !streamSeq || !storedAtNs) return undefined;
  return { deliveries, streamSeq, storedAtMs: Math.floor(storedAtNs / 1e6) };
}
