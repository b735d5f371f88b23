import {
  DiscardPolicy,
  ErrorCode,
  RetentionPolicy,
  StorageType,
  millis,
  nanos,
  type JetStreamManager,
  type NatsConnection,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { isApiError, isClientError } from '../error-codes.js';
import { streamNames, streamSubjects, type StreamKind } from '../../event/layout.js';
import { largestPublicationBytes } from '../publish/largest-publication.js';
import type { TopologyEvents } from './topology-events.js';
import { knownSinceOf, lengthenWindow } from './duplicate-window.js';

/** The settings of a stream of permits. */
export interface PermitStreamShape {
  prefix: string;
  replicas: number;
}

/** Without `checkAPI: false` the library asks for account information, a permission nothing else needs. */
export async function jetStreamManager(connection: NatsConnection): Promise<JetStreamManager> {
  return await connection.jetstreamManager({ checkAPI: false });
}

/**
 * How long a stream remembers ids, in milliseconds; `absentMs`, or four days, when there is no such stream.
 */
export async function windowOf(
  connection: NatsConnection,
  name: string,
  absentMs = usualWindowMs,
): Promise<number> {
  const found = await findStream(await jetStreamManager(connection), name);
  return found ? millis(found.config.duplicate_window) : absentMs;
}

export type WantedStream = Pick<
  StreamConfig,
  'name' | 'subjects' | 'max_age' | 'duplicate_window' | 'num_replicas' | 'storage' | 'retention' | 'discard'
> &
  Partial<Pick<StreamConfig, 'max_msgs_per_subject' | 'max_msg_size' | 'allow_rollup_hdrs'>>;

/** A stream as the configuration wants it, before what is its own. */
export function stream(
  prefix: string,
  kind: StreamKind,
  ageMs: number,
  horizonMs: number,
  replicas: number,
): WantedStream {
  return {
    name: streamNames(prefix)[kind],
    subjects: streamSubjects(prefix, kind),
    // The server refuses a window that is longer than the age.
    max_age: nanos(Math.max(ageMs, horizonMs)),
    duplicate_window: nanos(horizonMs),
    num_replicas: replicas,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_msg_size: -1,
  };
}

/** A message for each call a second that an account is allowed, for good. */
function permits({ prefix, replicas }: PermitStreamShape): WantedStream {
  return {
    ...stream(prefix, 'permits', 0, permitsWindowMs, replicas),
    max_age: 0,
    max_msgs_per_subject: 1,
  };
}

/**
 * Makes sure, once, that the stream of permits is there. @throws NatsError when NATS does not answer or
 * refuses.
 */
export async function declarePermitStream(
  manager: JetStreamManager,
  shape: PermitStreamShape,
  events: TopologyEvents,
): Promise<void> {
  // A stream of permits is never lengthened: no time is looked at.
  await declare(manager, permits(shape), events, 0);
}

/**
 * Makes sure of a stream, once: creates it when it is absent, and lengthens a duplicate window (and the age
 * it needs) that is shorter than the dedupe horizon, because an event could be stored twice, and lifts a
 * limit of the size of messages below what MNS can deliver. Nothing else is changed, nothing is ever
 * shortened or deleted. @throws NatsError when NATS does not answer or refuses.
 */
export async function declare(
  manager: JetStreamManager,
  wanted: WantedStream,
  events: TopologyEvents,
  nowMs: number,
): Promise<void> {
  const found = await findStream(manager, wanted.name);
  if (!found) {
    await manager.streams.add(wanted);
    events.streamCreated(wanted.name);
    events.windowSeen?.(wanted.name, millis(wanted.duplicate_window), millis(wanted.duplicate_window));
    return;
  }
  let { config } = found;
  if (config.duplicate_window < wanted.duplicate_window) {
    config = await lengthenWindow(manager, config, wanted.duplicate_window, events, nowMs);
  }
  events.windowSeen?.(wanted.name, millis(config.duplicate_window), millis(wanted.duplicate_window));
  if (isTooSmall(config)) config = await raiseMessageSize(manager, config);
  const sinceMs = knownSinceOf(config);
  if (sinceMs !== undefined) events.idsKnownSince?.(wanted.name, sinceMs, millis(config.duplicate_window));
  const differences = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(config[key as keyof WantedStream]) !== JSON.stringify(value))
    .filter(([key]) => key !== 'max_msg_size' || isTooSmall(config))
    .filter(([key]) => key !== 'duplicate_window' || config.duplicate_window < wanted.duplicate_window)
    .map(
      ([key, value]) =>
        `${key} is ${JSON.stringify(config[key as keyof WantedStream])}, the config says ${JSON.stringify(value)}`,
    );
  if (differences.length > 0) events.streamDiffers(wanted.name, differences);
}

/** Whether a stream refuses what a message of MNS may need. */
function isTooSmall({ max_msg_size: bytes }: StreamConfig): boolean {
  return bytes > 0 && bytes < largestPublicationBytes;
}

/** Who may not change the stream gets it as it is, which is told as a difference. */
async function raiseMessageSize(manager: JetStreamManager, config: StreamConfig): Promise<StreamConfig> {
  try {
    return (await manager.streams.update(config.name, { ...config, max_msg_size: -1 })).config;
  } catch (error) {
    if (isClientError(error, ErrorCode.PermissionsViolation)) return config;
    throw error;
  }
}

/**
 * The state of a stream; with a filter, also how many messages each subject has that it matches.
 * @returns undefined when there is no such stream.
 * @throws NatsError when NATS does not answer or refuses.
 */
export async function findStream(
  manager: JetStreamManager,
  name: string,
  subjectsFilter?: string,
): Promise<StreamInfo | undefined> {
  const options = subjectsFilter === undefined ? {} : { subjects_filter: subjectsFilter };
  return await manager.streams.info(name, options).catch((error: unknown) => {
    if (isApiError(error, 'streamNotFound')) return undefined;
    throw error;
  });
}

/** The retention that MNS gives a queue unless it is told another. */
const usualWindowMs = 4 * 24 * 3_600_000;
/** The server's own default: permits have no ids. */
const permitsWindowMs = 120_000;
