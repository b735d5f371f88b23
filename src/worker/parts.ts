import type { CredentialsCache } from '../aliyun/credentials.js';
import type { Config, QueueConfig } from '../config/config.js';
import type { Store } from '../nats/store.js';
import type { Telemetry } from '../operate/telemetry.js';
import type { Tracing } from '../operate/tracing.js';
import type { Clock } from '../time.js';

/** Which halves a process runs. */
export type Role = 'both' | 'relay' | 'follow-up';

export interface WorkerOptions {
  config: Config;
  role: Role;
  clock: Clock;
  telemetry: Telemetry;
  /** Makes spans; undefined: none. */
  tracing?: Tracing | undefined;
  /** Aborted: begin nothing new, settle or give back what is in flight, then return. */
  stop: AbortSignal;
  /** Aborted: return at once, without a further word to MNS. */
  abandon: AbortSignal;
}

/** The parts that the halves of a worker are built from. */
export interface Parts extends WorkerOptions {
  store: Store;
  /** The credentials of a queue, with which MNS and VOD are called alike. */
  credentialsOf: (queue: QueueConfig) => CredentialsCache;
}
