import { connect, type JsMsg, type NatsConnection } from 'nats';
import { streamNames } from '../../publish/topology.js';
import { eventKey } from './messages.js';

/** An event as a subscriber sees it. */
export interface SeenEvent {
  subject: string;
  text: string;
}

interface CloudEventJson {
  type: string;
  data: { mediaId?: string; status?: string; VideoId?: string };
}

/** The demo's own view of NATS: that of a service behind it. */
export class DemoStreams {
  readonly #connection: NatsConnection;
  readonly #prefix: string;

  private constructor(connection: NatsConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
  }

  static async connect(url: string, prefix: string): Promise<DemoStreams> {
    return new DemoStreams(
      await connect({ servers: url, name: 'vod-relay demo', waitOnFirstConnect: true }),
      prefix,
    );
  }

  /** The first events, as a subscriber of the stream gets them. A plain NATS subscription would see duplicates too. */
  async firstEvents(max: number): Promise<SeenEvent[]> {
    const seen: SeenEvent[] = [];
    for await (const { subject, data } of this.#read(streamNames(this.#prefix).events)) {
      seen.push({ subject, text: Buffer.from(data).toString('utf8') });
      if (seen.length === max) break;
    }
    return seen;
  }

  /** How often each event is stored, by the key that the demo gave it. */
  async storedEvents(): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for await (const { data } of this.#read(streamNames(this.#prefix).events)) {
      const key = keyOf(JSON.parse(Buffer.from(data).toString('utf8')) as CloudEventJson);
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    return times;
  }

  /** The bodies of all dead letters. */
  async deadLetters(): Promise<Buffer[]> {
    const bodies = [];
    for await (const { data } of this.#read(streamNames(this.#prefix).deadLetters))
      bodies.push(Buffer.from(data));
    return bodies;
  }

  /** Removes the streams of this demo. */
  async remove(): Promise<void> {
    const manager = await this.#connection.jetstreamManager();
    const { events, deadLetters } = streamNames(this.#prefix);
    for (const name of [events, deadLetters]) await manager.streams.delete(name);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async *#read(stream: string): AsyncGenerator<JsMsg> {
    const consumer = await this.#connection.jetstream().consumers.get(stream);
    let { num_pending: left } = await consumer.info();
    while (left > 0) {
      for await (const message of await consumer.fetch({ max_messages: Math.min(left, 500) })) {
        left = message.info.pending;
        yield message;
      }
    }
  }
}

function keyOf({ type, data }: CloudEventJson): string {
  if (!type.endsWith('.DeleteMediaComplete')) return data.VideoId ?? 'unknown';
  return eventKey(data.mediaId ?? '', data.status ?? '');
}
