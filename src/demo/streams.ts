import { connect, type JsMsg, type NatsConnection } from 'nats';
import { deletionsConsumer, postponedConsumer, streamNames } from '../event/layout.js';
import type { OutcomeRecord } from './follow-ups.js';
import { eventKey } from './messages.js';

/** An event as a subscriber sees it. */
export interface SeenEvent {
  subject: string;
  text: string;
}

interface CloudEventJson {
  id: string;
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

  /**
   * The first events, as a subscriber of the stream gets them. A plain NATS subscription would see duplicates
   * too.
   */
  async firstEvents(max: number): Promise<SeenEvent[]> {
    const seen: SeenEvent[] = [];
    for await (const { subject, data } of this.#read(streamNames(this.#prefix).events)) {
      seen.push({ subject, text: Buffer.from(data).toString('utf8') });
      if (seen.length === max) break;
    }
    return seen;
  }

  /** How often each event is stored, by the key that the demo gave it; and the ids of the deletions. */
  async storedEvents(): Promise<{ stored: Map<string, number>; deletions: string[] }> {
    const stored = new Map<string, number>();
    const deletions: string[] = [];
    for await (const { data } of this.#read(streamNames(this.#prefix).events)) {
      const event = JSON.parse(Buffer.from(data).toString('utf8')) as CloudEventJson;
      const key = keyOf(event);
      stored.set(key, (stored.get(key) ?? 0) + 1);
      if (isDeletion(event)) deletions.push(event.id);
    }
    return { stored, deletions };
  }

  /** Whether no follow-up is waiting or put off any more. */
  async areFollowUpsDone(): Promise<boolean> {
    const names = streamNames(this.#prefix);
    const manager = await this.#connection.jetstreamManager();
    const consumers = await Promise.all(
      [deletionsConsumer, postponedConsumer].map((consumerOf) => {
        const { stream, durable } = consumerOf(this.#prefix);
        return manager.consumers.info(names[stream], durable);
      }),
    );
    return consumers.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0);
  }

  /** The outcomes of each follow-up, one for each attempt. */
  async outcomes(): Promise<OutcomeRecord[]> {
    const records: OutcomeRecord[] = [];
    for await (const { data } of this.#read(streamNames(this.#prefix).followUps)) {
      records.push((JSON.parse(Buffer.from(data).toString('utf8')) as { data: OutcomeRecord }).data);
    }
    return records;
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
    const { events, deadLetters, followUps, permits } = streamNames(this.#prefix);
    for (const name of [events, deadLetters, followUps, permits]) await manager.streams.delete(name);
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

function isDeletion({ type }: CloudEventJson): boolean {
  return type.endsWith('.DeleteMediaComplete');
}

function keyOf(event: CloudEventJson): string {
  const { data } = event;
  if (!isDeletion(event)) return data.VideoId ?? 'unknown';
  return eventKey(data.mediaId ?? '', data.status ?? '');
}
