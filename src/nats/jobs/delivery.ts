import { nanos, type Msg, type NatsConnection } from 'nats';
import { plainHeaders } from '../streams/stored-message.js';

/** One message that a consumer handed out, and the words that a client can say about it. */
export interface Delivery {
  readonly subject: string;
  /** The first value of each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
  readonly streamSeq: number;
  /** How often it was handed out so far, from 1. */
  readonly deliveries: number;
  /** How many messages the consumer has handed out, this one included. */
  readonly number: number;
  /** When the stream stored it, epoch milliseconds. */
  readonly storedAtMs: number;
  /** Done for good. @returns whether the server confirmed it within this long. */
  ack(withinMs: number): Promise<boolean>;
  /** Hand it out again after this long: at once for 0, and after an hour for anything longer or no number. */
  nak(delayMs: number): void;
  /** Restarts the consumer's `ack_wait`. */
  working(): void;
}

/**
 * A delay beyond int64 nanoseconds overflows in the server, which then hands out at once, thousands of times
 * a second. One hour, so that a wait that a wrong clock made too long is looked at again before long.
 */
const longestNakMs = 3_600_000;

/** @returns undefined for a message that no consumer handed out. */
export function readDelivery(connection: NatsConnection, message: Msg): Delivery | undefined {
  const { reply = '', subject, data } = message;
  const place = readPlace(reply);
  if (!place) return undefined;
  // An ack while the connection is closed is lost, as one on the way would be: the server hands out again.
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
      const cappedMs = delayMs <= longestNakMs ? Math.ceil(delayMs) : longestNakMs;
      say(cappedMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(cappedMs) })}` : '-NAK');
    },
    working() {
      say('+WPI');
    },
  };
}

/**
 * The reply subject tells the place of a message: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream
 * sequence>. <consumer sequence>.<time in ns>.<pending>`, with a domain and an account after `ACK` and a
 * random end in the longer form. Source: ADR-15.
 */
function readPlace(
  reply: string,
): Pick<Delivery, 'streamSeq' | 'deliveries' | 'number' | 'storedAtMs'> | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return undefined;
  const [deliveries, streamSeq, number, storedAtNs] = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number);
  if (!deliveries || !streamSeq || !number || !storedAtNs) return undefined;
  return { deliveries, streamSeq, number, storedAtMs: Math.floor(storedAtNs / 1e6) };
}
