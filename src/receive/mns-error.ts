/**
 * An error between this process and MNS. Every failed call rejects with an MnsError and nothing else does,
 * apart from an abort by the caller's own signal, which rejects with that signal's reason.
 */
export interface MnsFailure {
  /** MNS's own code (`MessageNotExist`, …), or one of ours: see `ownCodes`. */
  code: string;
  operation: string;
  queue: string;
  message: string;
  /** The HTTP status, when there was an answer. */
  status?: number;
  /** MNS's request id, to quote to Alibaba support. */
  requestId?: string;
  cause?: unknown;
}

/** Codes for failures that carry no code of MNS. */
export const ownCodes = {
  connectionFailed: 'ConnectionFailed',
  timedOut: 'TimedOut',
  unexpectedAnswer: 'UnexpectedAnswer',
  noCredentials: 'NoCredentials',
} as const;

export class MnsError extends Error {
  override readonly name = 'MnsError';
  readonly code: string;
  readonly operation: string;
  readonly queue: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** The operator's next step, in one sentence. */
  readonly advice: string;

  constructor({ code, operation, queue, message, status, requestId, cause }: MnsFailure) {
    const where = [status && `HTTP ${status}`, requestId && `request ${requestId}`]
      .filter(Boolean)
      .join(', ');
    super(`${operation} on queue ${queue}: ${code}${where && ` (${where})`}: ${message}`, { cause });
    this.code = code;
    this.operation = operation;
    this.queue = queue;
    this.status = status;
    this.requestId = requestId;
    this.advice = adviceFor(code, operation);
  }

  /**
   * The queue no longer knows this receipt handle: the message is deleted, or visible again and someone
   * else's.
   */
  get isHandleGone(): boolean {
    return isHandleGone(this.code);
  }

  /** MNS itself said no, or the call was never made: it certainly had no effect. */
  get hadNoEffect(): boolean {
    if (isOwn(this.code)) return this.code === ownCodes.noCredentials;
    return this.status !== undefined && this.status >= 400 && this.status < 500;
  }

  /**
   * MNS itself answered that the call failed, or it was never made: made again a little later, it may
   * succeed.
   */
  get isRefusedForNow(): boolean {
    if (this.hadNoEffect) return !this.isHandleGone;
    return this.status !== undefined && this.status >= 500 && !isOwn(this.code);
  }

  /** The credentials or their age are at fault; a fresh set may help. */
  get isCredentialFault(): boolean {
    return credentialFaults.test(this.code);
  }
}

/**
 * Not `TimeExpired`: that is the clock, and fresh credentials do not mend it. A signature that does not match
 * is that of a secret that was rotated.
 */
const credentialFaults =
  /^(InvalidAccessKeyId|InvalidSecurityToken|SignatureDoesNotMatch|(?!TimeExpired$).*Expired$)/;

/** As `MnsError.isHandleGone`, for the entries of a batch delete. */
export function isHandleGone(code: string): boolean {
  return code === 'MessageNotExist' || code === 'ReceiptHandleError';
}

function isOwn(code: string): boolean {
  return Object.values<string>(ownCodes).includes(code);
}

/** Sources: MNS "Error codes" and "Permission policies and examples". */
function adviceFor(code: string, operation: string): string {
  return (
    advice.get(code) ??
    (code.startsWith('AccessDenied')
      ? `grant the RAM user or role mns:${operation} on this queue (deploy/ram has the policy)`
      : 'it is retried; if it lasts, quote the request id to Alibaba support')
  );
}

const advice: ReadonlyMap<string, string> = new Map([
  ['MessageNotExist', 'nothing to do: the queue hands the message out again if it still has it'],
  ['ReceiptHandleError', 'nothing to do: the queue hands the message out again if it still has it'],
  ['QueueNotExist', 'check the queue name, the account in the endpoint and the region'],
  ['InvalidAccessKeyId', 'check the access key, and that it is active'],
  ['SignatureDoesNotMatch', 'check the access key secret, and that the endpoint belongs to its account'],
  ['TimeExpired', 'set the clock of this machine: it is more than 15 minutes away from that of MNS'],
  ['TooManyRequests', 'it is retried more slowly; ask Alibaba for a higher limit if it lasts'],
  ['QpsLimitExceeded', 'it is retried more slowly; ask Alibaba for a higher limit if it lasts'],
  [ownCodes.connectionFailed, 'it is retried; check the endpoint, DNS, TLS and the network policy'],
  [ownCodes.timedOut, 'it is retried; check the network between here and the endpoint'],
  [ownCodes.unexpectedAnswer, 'it is retried; if it lasts, a proxy or load balancer answers instead of MNS'],
  [
    ownCodes.noCredentials,
    'check the `credentials` section and that its source (STS, metadata, file) is reachable',
  ],
]);
