/** The JSON that the sandbox's control endpoint takes and gives; the in-process API speaks the same. */

import type { MnsOperation } from '../mns/operation.js';
import type { FaultState } from '../faults/fault.js';
import type { RequestCounts } from './request-counts.js';
import type { VodOperation } from './vod-types.js';

/** A queue to create. Times are milliseconds so that tests can be quick; on the MNS wire they are seconds. */
export interface QueueSpec {
  name: string;
  visibilityMs?: number;
  retentionMs?: number;
  delayMs?: number;
  pollingWaitMs?: number;
  maximumMessageBytes?: number;
  loggingEnabled?: boolean;
  /** Messages delivered `maxReceiveCount` times go to `queue` instead of being delivered again. */
  deadLetter?: { queue: string; maxReceiveCount: number };
  /** Default `normal`. A FIFO queue refuses messages without a MessageGroupId, those of VOD among them. */
  type?: 'normal' | 'fifo';
  /**
   * GetQueueAttributes tells the type and the dead-letter policy too, named as in the API for management. The
   * documented answer of the queue API has neither, so the default is false.
   */
  tellsPolicies?: boolean;
}

/** A user or system property of a message, as in the MNS API ("Message attributes"). */
export interface MessageProperty {
  name: string;
  value: string;
  /** Default STRING. */
  type?: string;
}

/** A message to put into a queue, past all checks of the MNS API. Exactly one of the two bodies is given. */
export interface FeedMessage {
  /** The body as text. */
  body?: string;
  /** The body as bytes of any kind, even such as no SDK could send. */
  bodyBase64?: string;
  /** 1 (first) to 16; default 8. */
  priority?: number;
  delayMs?: number;
  /** Epoch milliseconds; default: the clock of the sandbox. */
  enqueueTimeMs?: number;
  userProperties?: MessageProperty[];
  systemProperties?: MessageProperty[];
  messageGroupId?: string;
}

/** The counts of one queue since it was created. */
export interface QueueCounters {
  sent: number;
  /** Deliveries: a message that is delivered twice counts twice. */
  received: number;
  deleted: number;
  /** Visibility changes to a second or less. */
  released: number;
  changedVisibility: number;
  /** Deliveries that left the message visible (fault `duplicate-delivery`). */
  duplicated: number;
  deadLettered: number;
  expired: number;
}

export interface QueueState extends QueueCounters {
  active: number;
  inactive: number;
  delayed: number;
  /**
   * Messages somebody holds a valid handle of: the inactive ones, and duplicates handed out but still
   * visible.
   */
  undeleted: number;
  openPolls: number;
  requests: RequestCounts;
}

export interface SandboxState {
  seed: number;
  accountId: string;
  queues: Record<string, QueueState>;
  /** All requests to MNS, also those for queues that do not exist. */
  requests: RequestCounts;
  faults: FaultState[];
}

export interface RemainingMessage {
  id: string;
  state: 'active' | 'inactive' | 'delayed';
  dequeueCount: number;
  enqueueTimeMs: number;
  bodyBase64: string;
}

/** The history of one message; kept after its end. */
export interface MessageHistory {
  id: string;
  sentMs: number;
  deliveries: number;
  visibilityChanges: number;
  releases: number;
  lastDeliveredMs: number | null;
  lastReleasedMs: number | null;
  end: 'deleted' | 'expired' | 'dead-lettered' | null;
  endMs: number | null;
}

/** A key that requests may be signed with. */
export interface SandboxCredential {
  accessKeyId: string;
  accessKeySecret: string;
  /** Requests must carry it: in `security-token` to MNS, and as VOD has it for each way of signing. */
  securityToken?: string;
  /** Epoch milliseconds after which the token is refused as expired. */
  expiresMs?: number;
  /** Operations that the RAM policy of this key does not allow. */
  denied?: readonly (MnsOperation | VodOperation)[];
}
