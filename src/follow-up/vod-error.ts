import { uriEncode } from './vod-signature.js';

/**
 * The next step after a failed call.
 *
 * - `gone`: there is nothing to delete, or nothing to delete it from. The call is settled.
 * - `throttled`: over the account's quota, and without effect. The same call may succeed a little later.
 * - `retry`: it failed for now, or in a way that is not known. It may have taken effect; calling again is
 * harmless. - `credentials`: no credentials, or refused ones, after a fresh set was tried as well. The media
 * has no part in it:   every call fails until the operator mends it, and the same call succeeds then.
 * - `clock`: the clock of this machine is off. As with `credentials`, but no other set would help.
 * - `blocked`: a permission, an account or a bucket stands in the way, which only an operator can change.
 * - `bug`: the request itself is wrong, and the same request will be wrong again.
 */
export type VodErrorKind = 'gone' | 'throttled' | 'retry' | 'credentials' | 'clock' | 'blocked' | 'bug';

export interface VodFailure {
  /** The code of VOD or its gateway (`InvalidVideo.NotFound`, …), or one of ours: see `ownCodes`. */
  code: string;
  operation: string;
  /** Without anything secret: see `publicText`. */
  message: string;
  /** The HTTP status, when there was an answer. */
  status?: number | undefined;
  /** VOD's request id, to quote to Alibaba support. */
  requestId?: string | undefined;
  /** How long VOD asks to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
}

/** Codes for failures that carry no code of VOD. */
export const ownCodes = {
  connectionFailed: 'ConnectionFailed',
  timedOut: 'TimedOut',
  unexpectedAnswer: 'UnexpectedAnswer',
  noCredentials: 'NoCredentials',
} as const;

/**
 * An error between this process and VOD. Every failed call rejects with a VodError and nothing else does,
 * apart from an abort by the caller's own signal. It has no `cause`, since what lies below may quote a
 * request with its token.
 */
export class VodError extends Error {
  override readonly name = 'VodError';
  readonly code: string;
  readonly operation: string;
  readonly kind: VodErrorKind;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** The operator's next step, in one sentence. */
  readonly advice: string;
  /** How long VOD asks to wait, in milliseconds (header `x-acs-retry-after`). */
  readonly retryAfterMs: number | undefined;

  constructor({ code, operation, message, status, requestId, retryAfterMs }: VodFailure) {
    const where = [status && `HTTP ${status}`, requestId && `request ${requestId}`]
      .filter(Boolean)
      .join(', ');
    super(`${operation}: ${code}${where && ` (${where})`}: ${message}`);
    const { kind, advice } = meaningOf(code, message);
    this.code = code;
    this.operation = operation;
    this.kind = kind;
    this.status = status;
    this.requestId = requestId;
    this.advice = advice.replace('{operation}', operation);
    this.retryAfterMs = retryAfterMs;
  }
}

interface Meaning {
  /**
   * In lower case, since VOD and its gateway spell some codes differently. A `*` at the end is any ending.
   */
  code: string;
  /** Counts only if the message has this in it. */
  saying?: RegExp;
  kind: VodErrorKind;
  advice: string;
}

const support = 'it is retried; if it lasts, quote the request id to Alibaba support';
const slower =
  'it is retried more slowly; if it lasts, lower followUp.callsPerSecond or ask for a higher quota';
const gone = 'nothing to do; if the media still exists, check the region and the account of its queue';
const token = 'check the source of the credentials: the STS token is missing, malformed or has expired';
const key = 'check the access key, and that it is active';
const ours = 'report it with the request id: vod-relay makes a request that VOD does not accept';

/**
 * The meaning of each code, by the code alone: VOD sends nearly all of its own with HTTP status 400. The
 * first row that matches counts; a code that no row matches is retried. Sources: VOD "DeleteMultipartUpload",
 * "GetVideoInfo", "Common error codes" and "QPS limits"; the codes of tokens are those of the SDKs.
 */
const meanings: readonly Meaning[] = [
  { code: 'invalidmultipartupload.notfound', kind: 'gone', advice: 'nothing to do: no upload is left' },
  { code: 'invalidvideo.notfound', kind: 'gone', advice: gone },
  { code: 'invalidfile.notfound', kind: 'gone', advice: gone },
  { code: 'throttling*', kind: 'throttled', advice: slower },
  { code: 'serviceunavailable', kind: 'retry', advice: support },
  { code: 'internalerror', kind: 'retry', advice: support },
  { code: 'signaturenonceused', kind: 'retry', advice: 'it is retried with a nonce of its own' },
  { code: 'invalidsecuritytoken*', kind: 'credentials', advice: token },
  { code: 'securitytokenexpired*', kind: 'credentials', advice: token },
  { code: 'missingsecuritytoken*', kind: 'credentials', advice: token },
  // The gateway names an expired token so at times, and an expired token must never pass for a request of
  // ours.
  { code: 'invalidparameter*', saying: /security-?token/i, kind: 'credentials', advice: token },
  { code: 'invalidaccesskeyid*', kind: 'credentials', advice: key },
  {
    code: 'invalidtimestamp*',
    kind: 'clock',
    advice: 'set the clock of this machine: it is more than 15 minutes away from that of VOD',
  },
  // The signer is proven by a published vector, so the secret is wrong. It can be set right at any time, and
  // then the same call succeeds: nothing is given up for it.
  {
    code: 'signaturedoesnotmatch',
    kind: 'credentials',
    advice: 'check the access key secret, and that it belongs to the access key id',
  },
  {
    code: 'accessdenied*',
    kind: 'blocked',
    advice: 'authorize VOD to access the OSS bucket of the media, and grant vod:{operation}',
  },
  {
    code: 'forbidden.riskcontrol',
    kind: 'blocked',
    advice: 'Alibaba risk control refuses the account: look for its notice in the console',
  },
  {
    code: 'forbidden*',
    kind: 'blocked',
    advice: 'grant the RAM user or role vod:{operation} (deploy/ram has the policy)',
  },
  {
    code: 'operationdenied.suspended',
    kind: 'blocked',
    advice: 'settle the overdue payments of the account: VOD is suspended',
  },
  { code: 'operationdenied*', kind: 'blocked', advice: 'activate VOD for the account in this region' },
  {
    code: 'invalidstorage.notfound',
    kind: 'blocked',
    advice: 'check in the VOD console that the storage of the media is still configured',
  },
  { code: 'invalidparameter*', kind: 'bug', advice: ours },
  { code: 'missingparameter*', kind: 'bug', advice: ours },
  { code: 'incompletesignature', kind: 'bug', advice: ours },
  { code: 'invalidversion*', kind: 'bug', advice: ours },
  {
    code: 'invalidapi.notfound',
    kind: 'bug',
    advice: 'check vod.endpoint: this server does not know the operation',
  },
  {
    code: 'invalidaction.notfound',
    kind: 'bug',
    advice: 'check vod.endpoint: this server does not know the operation',
  },
  { code: 'invalidprotocol.needssl', kind: 'bug', advice: 'use an https:// vod.endpoint' },
  {
    code: 'connectionfailed',
    kind: 'retry',
    advice: 'it is retried; check vod.endpoint, DNS, TLS and the network policy',
  },
  {
    code: 'timedout',
    kind: 'retry',
    advice: 'it is retried; check the network between here and vod.endpoint',
  },
  {
    code: 'unexpectedanswer',
    kind: 'retry',
    advice: 'it is retried; if it lasts, a proxy or load balancer answers instead of VOD',
  },
  {
    code: 'nocredentials',
    kind: 'credentials',
    advice: 'check the `credentials` section and that its source (STS, metadata, file) is reachable',
  },
];

const unknownCode: Omit<Meaning, 'code'> = { kind: 'retry', advice: support };

function meaningOf(code: string, message: string): Omit<Meaning, 'code'> {
  const lower = code.toLowerCase();
  const fits = (pattern: string): boolean =>
    pattern.endsWith('*') ? lower.startsWith(pattern.slice(0, -1)) : lower === pattern;
  return (
    meanings.find(({ code: pattern, saying }) => fits(pattern) && saying?.test(message) !== false) ??
    unknownCode
  );
}

/**
 * A text from outside as it may stand in an error or a log: one line of at most 500 characters, without these
 * secrets (as they are, or percent-encoded), queries of URLs, values named as secrets, or anything that looks
 * like one.
 */
export function publicText(text: string, secrets: readonly (string | undefined)[] = []): string {
  let safe = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  for (const secret of secrets) {
    if (!secret) continue;
    safe = safe.replaceAll(secret, '…').replaceAll(uriEncode(secret), '…');
  }
  safe = safe
    .replace(/\?\S+/g, '?…')
    .replace(
      /((?:access_?key_?id|secret|token|signature)\w{0,20}["']?\s{0,3}[:=]\s{0,3})(?:"[^"]*"?|'[^']*'?|[^\s,&}]+)/gi,
      '$1…',
    )
    // Longer than a request id or a media id: tokens, hashes and what of them an echo has cut off.
    .replace(/[\w+/=%-]{40,}/g, '…');
  return /^[^]{0,500}/u.exec(safe.trim())?.[0] ?? '';
}
