import {
  DiscardPolicy,
  NatsError,
  RetentionPolicy,
  StorageType,
  nanos,
  type JetStreamManager,
  type NatsConnection,
  type StreamConfig,
} from 'nats';
import { retryUntilDone, type Clock } from '../time.js';

const declareBackOff = { baseMs: 250, maxMs: 10_000 };

/** The streams of one subject prefix. */
export interface StreamNames {
  events: string;
  deadLetters: string;
}

export interface TopologyOptions {
  connection: NatsConnection;
  prefix: string;
  replicas: number;
  /** How long events are kept; at least the horizon. */
  eventsMs: number;
  deadLettersMs: number;
  /** How long JetStream remembers ids. */
  horizonMs: number;
  clock: Clock;
  signal: AbortSignal;
  events: TopologyEvents;
}

export interface TopologyEvents {
  streamCreated(stream: string): void;
  /** The stream differs from the config in something that is left as it is. */
  streamDiffers(stream: string, differences: readonly string[]): void;
  declareFailed(stream: string, reason: string, retryInMs: number): void;
}

/** `vod` → `VOD_EVENTS`, `VOD_DEAD_LETTERS`. */
export function streamNames(prefix: string): StreamNames {
  const base = prefix.toUpperCase().replaceAll('.', '_');
  return { events: `${base}_EVENTS`, deadLetters: `${base}_DEAD_LETTERS` };
}

/**
 * Makes sure that the streams exist: creates what is absent, and lengthens a duplicate window (and the age it needs)
 * that is shorter than the dedupe horizon, because an event could be stored twice. Nothing else is changed, nothing
 * is ever shortened or deleted. Tries until it succeeds or the signal is aborted.
 */
export async function declareStreams(options: TopologyOptions): Promise<void> {
  const { connection, prefix, replicas, eventsMs, deadLettersMs, horizonMs, signal, clock, events } = options;
  const names = streamNames(prefix);
  const wanted = [
    stream(names.events, `${prefix}.event.>`, eventsMs, horizonMs, replicas),
    stream(names.deadLetters, `${prefix}.dead-letter.>`, deadLettersMs, horizonMs, replicas),
  ];
  for (const config of wanted) {
    // Without `checkAPI: false` the library asks for account information, a permission nothing else needs.
    const attempt = async (): Promise<void> =>
      declare(await connection.jetstreamManager({ checkAPI: false }), config, options);
    await retryUntilDone(attempt, {
      clock,
      backOff: declareBackOff,
      signal,
      onFailure: (error, retryInMs) => {
        events.declareFailed(config.name, (error as Error).message, retryInMs);
      },
    });
  }
}

type WantedStream = Pick<
  StreamConfig,
  'name' | 'subjects' | 'max_age' | 'duplicate_window' | 'num_replicas' | 'storage' | 'retention' | 'discard'
>;

function stream(
  name: string,
  subject: string,
  ageMs: number,
  horizonMs: number,
  replicas: number,
): WantedStream {
  return {
    name,
    subjects: [subject],
    // The server refuses a window that is longer than the age.
    max_age: nanos(Math.max(ageMs, horizonMs)),
    duplicate_window: nanos(horizonMs),
    num_replicas: replicas,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
  };
}

async function declare(
  manager: JetStreamManager,
  wanted: WantedStream,
  { events }: TopologyOptions,
): Promise<void> {
  const found = await manager.streams.info(wanted.name).catch((error: unknown) => {
    if (error instanceof NatsError && error.api_error?.err_code === streamNotFound) return undefined;
    throw error;
  });
  if (!found) {
    await manager.streams.add(wanted);
    events.streamCreated(wanted.name);
    return;
  }
  let { config } = found;
  if (config.duplicate_window < wanted.duplicate_window) {
    const maxAge = config.max_age === 0 ? 0 : Math.max(config.max_age, wanted.duplicate_window);
    const longer = { ...config, duplicate_window: wanted.duplicate_window, max_age: maxAge };
    ({ config } = await manager.streams.update(wanted.name, longer));
  }
  const differences = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(config[key as keyof WantedStream]) !== JSON.stringify(value))
    .filter(([key]) => key !== 'duplicate_window' || config.duplicate_window < wanted.duplicate_window)
    .map(
      ([key, value]) =>
        `${key} is ${JSON.stringify(config[key as keyof WantedStream])}, the config says ${JSON.stringify(value)}`,
    );
  if (differences.length > 0) events.streamDiffers(wanted.name, differences);
}

const streamNotFound = 10059;
