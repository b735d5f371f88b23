import { connect, DiscardPolicy, nanos, type ConnectionOptions, type StreamConfig } from 'nats';
import type { Testbed } from './testbed.js';

const admin = { user: 'admin', password: 'admin' };
const worker = { user: 'worker', password: 'worker' };

/** The `auth` of a worker whose nats-server has the users below. */
export const workerAuth = { type: 'user', ...worker };

/**
 * Part of the configuration of a nats-server: one user without limits, and a worker that may not publish what
 * is denied.
 */
export function usersConfig(deny: readonly string[] = []): string {
  const permissions = { publish: { allow: ['>'], deny }, subscribe: ['>'] };
  return `authorization ${JSON.stringify({ users: [admin, { ...worker, permissions }] })}`;
}

export function adminAccess({ nats }: Testbed): ConnectionOptions & { servers: string } {
  return { servers: nats.url, user: admin.user, pass: admin.password };
}

export type FullStream = Partial<StreamConfig> & { name: string; subjects: string[] };

/** Makes a stream that takes nothing more, or nothing more of the subject. It holds one message, `{}`. */
export async function fillStream(testbed: Testbed, stream: FullStream, subject?: string): Promise<void> {
  const connection = await connect(adminAccess(testbed));
  const manager = await connection.jetstreamManager();
  const window = nanos(3_600_000);
  await manager.streams.add({ max_msgs: 1, discard: DiscardPolicy.New, duplicate_window: window, ...stream });
  await connection.jetstream().publish(subject ?? stream.subjects[0]?.replace('>', 'filler') ?? '', '{}');
  await connection.close();
}
