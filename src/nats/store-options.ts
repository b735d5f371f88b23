import type { ConfirmEvents } from './publish/confirmed-publisher.js';
import type { ConnectionEvents, NatsOptions } from './connection.js';
import type { JobQueueEvents } from './jobs/job-queue.js';
import type { PermitEvents } from './permits/permits.js';
import type { NotStoredError } from './publish/not-stored.js';
import type { ClosedReason } from './publish/store-gate.js';
import type { TopologyEvents } from './streams/topology-events.js';

export interface StoreOptions extends NatsOptions {
  prefix: string;
  /** False: the streams are someone else's, and neither read nor changed. */
  manageStreams: boolean;
  streamReplicas: number;
  retention: { eventsMs: number; followUpsMs: number; deadLettersMs: number };
  maxPublishesInFlight: number;
  ackTimeoutMs: number;
}

export interface StoreEvents
  extends ConnectionEvents, TopologyEvents, ConfirmEvents, JobQueueEvents, PermitEvents {
  publishTrouble(reason: string, stream: string): void;
  /** A publication is given up, since its stream does not store it for a lasting reason. */
  notStored(error: NotStoredError): void;
  /** The gate is closed still, but by the state of its stream a message can be stored: one is let through. */
  storeReady(): void;
  /** The gate closed for this reason, or opened (undefined). */
  storeGate(reason: ClosedReason | undefined): void;
}
