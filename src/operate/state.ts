import type { Clock } from '../time.js';
import { QueueLag } from './queue-lag.js';
import { Rate } from './rate.js';

/** The last error of a part, as far as a stranger may read it. */
export interface Trouble {
  code: string;
  message: string;
  /** The operator's next step, in one sentence. */
  advice?: string | undefined;
  /** Epoch milliseconds. */
  atMs: number;
}

/** The state of a receiver at the moment of a scrape or probe. */
export interface ReceiverView {
  /** Messages received and not yet settled. */
  readonly inFlight: number;
  readonly pollers: number;
  /** Why only a restart can help; undefined while all is well, or something outside explains it. */
  readonly stuck: string | undefined;
}

/** The state of one queue. */
export class QueueState {
  /** Undefined until the queue is received from. */
  receiver: ReceiverView | undefined;
  /** The last error, also when it is over. */
  trouble: Trouble | undefined;
  /** Monotonic time since when every poll failed, and how the last one did; undefined when it did not. */
  pollFault: { sinceMs: number; trouble: Trouble } | undefined;
  /** Epoch milliseconds: of the last poll that was answered, the last message, and the last one settled. */
  lastPollAtMs: number | undefined;
  lastMessageAtMs: number | undefined;
  lastSettledAtMs: number | undefined;
  /** Epoch milliseconds at which the worker began to wait for messages of this queue. */
  readonly waitingSinceMs: number;
  readonly received: Rate;
  readonly settled: Rate;
  readonly lag: QueueLag;

  constructor(clock: Clock) {
    this.waitingSinceMs = clock.now();
    this.received = new Rate(clock);
    this.settled = new Rate(clock);
    this.lag = new QueueLag(clock);
  }
}

interface NatsState {
  connected: boolean;
  server: string | undefined;
  /**
   * Why no event can be stored, and since when (monotonic); undefined while it can, as far as known. Ready:
   * the cause is gone by the state of the stream, and the next message will show.
   */
  closed: { because: string; sinceMs: number; isReady: boolean } | undefined;
  trouble: Trouble | undefined;
}

interface FollowUpState {
  /** Undefined until the first look. */
  backlog: { waiting: number; oldestMs: number } | undefined;
  /** For each consumer why it hands nothing out; undefined when it does. */
  readonly consumers: Map<string, string | undefined>;
  /** The consumers that somebody has paused, and until when (ISO 8601). */
  readonly paused: Map<string, { stream: string; until: string }>;
  /** The clocks that this machine's does not agree with, and how far it is ahead of each, in seconds. */
  readonly clocks: Map<string, number>;
  /** Accounts whose VOD refuses calls over the quota. */
  readonly slowed: Set<string>;
  readonly settled: Rate;
  trouble: Trouble | undefined;
}

/** The queues and halves that a worker was started with. */
export interface WorkerPlan {
  version: string;
  role: string;
  /** The live queues, when the role includes the relay. */
  queues: readonly string[];
  followsUp: boolean;
  /** Those whose VOD the follow-up half calls. */
  accounts: readonly string[];
}

/** The state of the worker: written by the telemetry alone, read by health, status and metrics. */
export class WorkerState {
  readonly plan: WorkerPlan;
  readonly startedAtMs: number;
  phase: 'starting' | 'running' | 'stopping' = 'starting';
  /** Why the start takes long; undefined when nothing is known to hold it up. */
  startTrouble: Trouble | undefined;
  readonly nats: NatsState = {
    connected: false,
    server: undefined,
    closed: undefined,
    trouble: undefined,
  };
  readonly queues: ReadonlyMap<string, QueueState>;
  readonly followUp: FollowUpState;

  constructor(plan: WorkerPlan, clock: Clock) {
    this.plan = plan;
    this.startedAtMs = clock.now();
    this.queues = new Map(plan.queues.map((queue) => [queue, new QueueState(clock)]));
    this.followUp = {
      backlog: undefined,
      consumers: new Map(),
      paused: new Map(),
      clocks: new Map(),
      slowed: new Set(),
      settled: new Rate(clock),
      trouble: undefined,
    };
  }
}
