import { connect, type ConnectionOptions } from 'nats';

/** One message of a stream. */
export interface StoredMessage {
  subject: string;
  seq: number;
  headers: Readonly<Record<string, string>>;
  data: Uint8Array;
  text: string;
}

/** A published event, parsed. */
export interface StoredEvent extends StoredMessage {
  event: {
    id: string;
    source: string;
    type: string;
    subject?: string;
    time: string;
    queue: string;
    data: Record<string, unknown>;
  };
}

/** How to reach a nats-server: its URL, or that with credentials. */
export type NatsAccess = string | ConnectionOptions;

/** Every message of a stream, in its order; none when there is no such stream. */
export async function storedMessages(access: NatsAccess, stream: string): Promise<StoredMessage[]> {
  const connection = await connect(typeof access === 'string' ? { servers: access } : access);
  try {
    const manager = await connection.jetstreamManager();
    const info = await manager.streams.info(stream).catch((error: unknown) => {
      if ((error as Error).message === 'stream not found') return undefined;
      throw error;
    });
    const stored: StoredMessage[] = [];
    if (!info || info.state.messages === 0) return stored;
    const consumer = await connection.jetstream().consumers.get(stream);
    for await (const message of await consumer.consume({ max_messages: 1000 })) {
      const { subject, seq, data } = message;
      const headers = Object.fromEntries(
        [...(message.headers ?? [])].map(([name, [value]]) => [name, value ?? '']),
      );
      stored.push({ subject, seq, headers, data, text: Buffer.from(data).toString('utf8') });
      if (message.info.pending === 0) break;
    }
    return stored;
  } finally {
    await connection.close();
  }
}

/** Every published event, in order. */
export async function storedEvents(access: NatsAccess, stream = 'VOD_EVENTS'): Promise<StoredEvent[]> {
  const messages = await storedMessages(access, stream);
  return messages.map((message) => ({ ...message, event: JSON.parse(message.text) as StoredEvent['event'] }));
}

/** Every dead letter, in order. */
export async function storedDeadLetters(
  access: NatsAccess,
  stream = 'VOD_DEAD_LETTERS',
): Promise<StoredMessage[]> {
  return await storedMessages(access, stream);
}
