import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  millis,
  type ConsumerInfo,
  type StreamInfo,
} from 'nats';

/** A stream as it is. Where a limit is undefined, there is none. */
export interface StreamFacts {
  subjects: readonly string[];
  isLimitsRetention: boolean;
  isOnDisk: boolean;
  dropsOldest: boolean;
  maxAgeMs: number | undefined;
  windowMs: number;
  maxMessages: number | undefined;
  maxBytes: number | undefined;
  maxMessagesOfSubject: number | undefined;
  maxMessageBytes: number | undefined;
  replicas: number;
  /** Replicas that are offline or behind. */
  lagging: readonly string[];
  /** Why nothing can be published to it: it confirms nothing, is sealed, or is the copy of another. */
  refuses: 'no-ack' | 'sealed' | 'mirror' | undefined;
  consumers: number;
  messages: number;
  bytes: number;
  /** Epoch milliseconds; undefined without messages. */
  firstStoredAtMs: number | undefined;
  lastStoredAtMs: number | undefined;
  /** Subjects that match the filter that was asked for. */
  matching: number;
}

/** A durable consumer as it is. */
export interface ConsumerFacts {
  filterSubject: string | undefined;
  isExplicitAck: boolean;
  /** Undefined: without end. */
  maxDeliver: number | undefined;
  hasBackoff: boolean;
  isPaused: boolean;
  /** Requests of replicas that wait for messages. */
  waiting: number;
  /** Handed out and not done. */
  underWay: number;
  pending: number;
}

/** The settings of a stream that the doctor checks. */
export function streamFacts({ config, state, cluster }: StreamInfo): StreamFacts {
  const hasMessages = state.messages > 0;
  return {
    subjects: config.subjects ?? [],
    isLimitsRetention: config.retention === RetentionPolicy.Limits,
    isOnDisk: config.storage === StorageType.File,
    dropsOldest: config.discard === DiscardPolicy.Old,
    maxAgeMs: limit(millis(config.max_age)),
    windowMs: millis(config.duplicate_window),
    maxMessages: limit(config.max_msgs),
    maxBytes: limit(config.max_bytes),
    maxMessagesOfSubject: limit(config.max_msgs_per_subject),
    maxMessageBytes: limit(config.max_msg_size),
    replicas: config.num_replicas,
    lagging: (cluster?.replicas ?? [])
      .filter(({ offline, current }) => offline || !current)
      .map(({ name }) => name),
    refuses: refusalOf(config),
    consumers: state.consumer_count,
    messages: state.messages,
    bytes: state.bytes,
    firstStoredAtMs: hasMessages ? Date.parse(state.first_ts) : undefined,
    lastStoredAtMs: hasMessages ? Date.parse(state.last_ts) : undefined,
    matching: Object.keys(state.subjects ?? {}).length,
  };
}

function refusalOf({ no_ack, sealed, mirror }: StreamInfo['config']): StreamFacts['refuses'] {
  if (no_ack) return 'no-ack';
  if (sealed) return 'sealed';
  return mirror === undefined ? undefined : 'mirror';
}

/** The settings of a consumer that the doctor checks. */
export function consumerFacts({ config, ...info }: ConsumerInfo): ConsumerFacts {
  return {
    filterSubject: config.filter_subject,
    isExplicitAck: config.ack_policy === AckPolicy.Explicit,
    maxDeliver: limit(config.max_deliver),
    hasBackoff: (config.backoff ?? []).length > 0,
    isPaused: info.paused === true,
    waiting: info.num_waiting,
    underWay: info.num_ack_pending,
    pending: info.num_pending,
  };
}

/** NATS says 0 or -1 where there is no limit. */
export function limit(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
