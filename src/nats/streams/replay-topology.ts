import type { NatsConnection } from 'nats';
import type { Clock } from '../../time.js';
import { StreamDeclaration } from './declaration.js';
import { jetStreamManager, stream, type PermitStreamShape } from './topology.js';
import type { TopologyEvents } from './topology-events.js';

/** How long the stream of replays remembers ids: publishes that are tried again, no more. */
const replayWindowMs = 120_000;

/**
 * Makes sure of the stream of replays, or tries until the signal is aborted. It keeps what replays send for
 * as long as events are kept, and the last checkpoint of each (they are written with `Nats-Rollup`).
 */
export async function declareReplayStream(
  options: PermitStreamShape & {
    connection: NatsConnection;
    eventsMs: number;
    clock: Clock;
    signal: AbortSignal;
    events: TopologyEvents;
  },
): Promise<void> {
  const { prefix, replicas, eventsMs } = options;
  const windowMs = Math.min(replayWindowMs, eventsMs);
  const declaration = new StreamDeclaration({
    ...options,
    closed: options.signal,
    wanted: (horizonMs) => ({
      ...stream(prefix, 'replays', eventsMs, horizonMs, replicas),
      allow_rollup_hdrs: true,
    }),
  });
  await declaration.ensure(windowMs);
}

/** The stream that stores everything published under `<prefix>.>`; undefined when no stream does. */
export async function streamTaking(connection: NatsConnection, prefix: string): Promise<string | undefined> {
  const manager = await jetStreamManager(connection);
  const tokens = prefix.split('.');
  for await (const name of manager.streams.names(`${prefix}.>`)) {
    const { config } = await manager.streams.info(name);
    if (config.subjects.some((subject) => takesAllUnder(subject, tokens))) return name;
  }
  return undefined;
}

/** Whether a stream's subject, perhaps with wildcards, takes every subject that begins with these tokens. */
function takesAllUnder(subject: string, tokens: readonly string[]): boolean {
  const own = subject.split('.');
  if (own.at(-1) !== '>' || own.length > tokens.length + 1) return false;
  return own.slice(0, -1).every((token, index) => token === '*' || token === tokens[index]);
}
