/** The JSON that the sandbox's control endpoint takes and gives; the in-process API speaks the same. */

import type { MnsOperation } from '../mns/operation.js';
import type { VodFault, VodOperation } from './vod-types.js';

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

/** Counts of answers by operation, then by HTTP status or, where no answer arrived, by fault. */
export type RequestCounts = Record<string, Record<string, number>>;

/** What happened in one queue since it was created. */
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
  /** Messages somebody holds a valid handle of: the inactive ones, and duplicates handed out but still visible. */
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

/** What became of one message; kept after its end. */
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

/** Where a fault strikes, and how often. */
export interface FaultScope {
  /** Only this operation of the rule's service; default: each one the kind makes sense for. */
  operation?: MnsOperation | VodOperation;
  /** Chance of the fault where it could happen, 0 to 1; default 1. */
  probability?: number;
  /** The rule ends after this many faults; default: never. */
  count?: number;
}

interface MnsFaultScope extends FaultScope {
  /** Faults are those of MNS unless they say `vod`, or are of a kind that only VOD has. */
  service?: 'mns';
  /** Only this queue; default: all. */
  queue?: string;
}

/** Waits before the fault shows, in milliseconds; default 0. */
interface Delayed {
  delayMs?: number;
}

/** The faults of MNS that replace or damage the answer of a whole request; at most one strikes a request. */
export type RequestFault = MnsFaultScope &
  (
    | ({ kind: '429' | '500' | 'html-502' | 'empty-503' | 'reset' | 'early-empty-poll' } & Delayed)
    /** The operation takes effect and its answer is lost. */
    | { kind: 'reset-after-effect' }
    /** 403 SecurityTokenExpired. */
    | { kind: 'expired-token' }
    /** The headers promise the whole body; half of it arrives and the connection ends. */
    | { kind: 'truncated-body' }
    /** The body drips in pieces of `chunkBytes` (default 64), `delayMs` (default 20) apart. */
    | { kind: 'slow-body'; chunkBytes?: number; delayMs?: number }
    /** Never answers; the request has no effect. */
    | { kind: 'hang' }
    /** Some entries of a batch delete (each with a chance of one half, at least one) fail though alive. */
    | { kind: 'partial-delete'; code?: 'InternalError' | 'MessageNotExist' }
    /** Answers 204 to a delete that does not happen. */
    | { kind: 'lost-delete' }
    | ScriptedAnswer
  );

/** Answers with exactly this. */
export interface ScriptedAnswer extends Delayed {
  kind: 'respond';
  status: number;
  /** Sent as given, in this order and spelling; framing headers are added as `ending` needs. */
  headers?: Record<string, string>;
  body?: string;
  bodyBase64?: string;
  /**
   * `complete` (default): the whole body with its length, the connection stays. `truncated`: the length promises 64
   * bytes more than are sent, then FIN. `cut`: a chunked body without its last chunk, then FIN. `unframed`: no
   * length, `Connection: close`, FIN after the body. `stall`: the length and half of the body, then nothing, for
   * ever. `garbage`: only the bytes of the body, no HTTP, then FIN.
   */
  ending?: 'complete' | 'truncated' | 'cut' | 'unframed' | 'stall' | 'garbage';
  /** The operation takes effect before the answer; default false. */
  afterEffect?: boolean;
}

/** The faults of MNS that change how requests are judged, beside any request fault. */
export type ConditionFault = MnsFaultScope &
  /** A delivery leaves its message visible, so that it is delivered again. `operation` is not looked at. */
  (
    | { kind: 'duplicate-delivery' }
    /** The clock of the server is off by this much. */
    | { kind: 'clock-skew'; offsetMs: number }
    /** 429 to every receive while more than `limit` (default 5000) messages are undeleted. */
    | ({ kind: 'receive-without-delete-throttle'; limit?: number } & Delayed)
  );

/** One rule. Rules are tried in order; the first that strikes wins. */
export type FaultRule = RequestFault | ConditionFault | VodFault;

export interface FaultState {
  rule: FaultRule;
  /** How often the rule has struck. */
  struck: number;
}
