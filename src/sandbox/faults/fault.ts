/** The faults that the sandbox can be told to make. */

import type { VodOperation } from '../control/vod-types.js';
import type { MnsOperation } from '../mns/operation.js';

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
   * `complete` (default): the whole body with its length, the connection stays. `truncated`: the length
   * promises 64 bytes more than are sent, then FIN. `cut`: a chunked body without its last chunk, then FIN.
   * `unframed`: no length, `Connection: close`, FIN after the body. `stall`: the length and half of the body,
   * then nothing, for ever. `garbage`: only the bytes of the body, no HTTP, then FIN.
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

/** One fault of VOD. It strikes only calls that are signed right and within the quota. */
export type VodFault = FaultScope & {
  /** Only calls that name this media; default: all. */
  media?: string;
} & (
    | {
        service: 'vod';
        /** `reset-after-effect` and `truncated-body` come after the effect, the others in place of it. */
        kind: 'html-502' | 'empty-503' | 'reset' | 'reset-after-effect' | 'truncated-body' | 'hang';
      }
    /** An error in place of the operation, with the status VOD sends it with unless one is given. */
    | { service?: 'vod'; kind: 'vod-error'; code: string; status?: number }
    /** The operation takes effect at once; its answer comes this much later. */
    | { service?: 'vod'; kind: 'slow'; delayMs: number }
  );

/** One rule. Rules are tried in order; the first that strikes wins. */
export type FaultRule = RequestFault | ConditionFault | VodFault;

export interface FaultState {
  rule: FaultRule;
  /** How often the rule has struck. */
  struck: number;
}
