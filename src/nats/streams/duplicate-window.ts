import { ErrorCode, millis, NatsError, type JetStreamManager, type StreamConfig } from 'nats';
import { isClientError } from '../error-codes.js';
import type { TopologyEvents } from './topology-events.js';

/** In the metadata of a stream: no id is known that was stored before. */
const knownSinceKey = 'vod-relay.ids-known-since';

/**
 * The command of an operator that lengthens the window of a stream, and the age that it needs. It says in the
 * metadata that ids from before are unknown, so that each replica asks the stream for those, now and after a
 * restart.
 */
export function lengthenCommand(stream: string, wantedMs: number, maxAgeMs: number | undefined): string {
  const wanted = `${Math.ceil(wantedMs / 1000)}s`;
  const age = maxAgeMs !== undefined && maxAgeMs < wantedMs ? ` --max-age=${wanted}` : '';
  return `nats stream edit ${stream} --dupe-window=${wanted}${age} --metadata=${knownSinceKey}=$(date -u +%FT%TZ)`;
}

/** Since when a stream knows ids, epoch milliseconds; undefined when its window was never lengthened. */
export function knownSinceOf({ metadata }: StreamConfig): number | undefined {
  const sinceMs = Date.parse(metadata?.[knownSinceKey] ?? '');
  return Number.isNaN(sinceMs) ? undefined : sinceMs;
}

/**
 * Lengthens the window of a stream, and the age that it needs. A user who may not gets the stream as it is:
 * that is no reason to store nothing, and is told with what is not promised meanwhile.
 * @returns the stream as it is then.
 * @throws NatsError when NATS does not answer, or refuses for another reason.
 */
export async function lengthenWindow(
  manager: JetStreamManager,
  config: StreamConfig,
  wanted: number,
  events: TopologyEvents,
  nowMs: number,
): Promise<StreamConfig> {
  const { name, duplicate_window: window, max_age: age } = config;
  const sinceMs = Math.max(nowMs - millis(window), knownSinceOf(config) ?? 0);
  const longer = { ...config, duplicate_window: wanted, max_age: age === 0 ? 0 : Math.max(age, wanted) };
  const told = { ...config.metadata, [knownSinceKey]: new Date(sinceMs).toISOString() };
  try {
    const lengthened = await updated(manager, { ...longer, metadata: told }).catch(async (error: unknown) => {
      // The library throws an error of its own where the server is too old for metadata: only this process
      // knows then.
      if (error instanceof NatsError) throw error;
      return await updated(manager, longer);
    });
    events.idsKnownSince?.(name, sinceMs, millis(lengthened.duplicate_window));
    return lengthened;
  } catch (error) {
    if (!isClientError(error, ErrorCode.PermissionsViolation)) throw error;
    const command = lengthenCommand(name, millis(wanted), age === 0 ? undefined : millis(age));
    events.windowRefused(name, millis(window), millis(wanted), command);
    return config;
  }
}

async function updated(manager: JetStreamManager, config: StreamConfig): Promise<StreamConfig> {
  return (await manager.streams.update(config.name, config)).config;
}
