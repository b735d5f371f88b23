import { createHash, createHmac } from 'node:crypto';
import { percentEncode } from '../event/percent.js';

/** An access key, with the token that STS credentials need beside it. */
export interface VodCredentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string | undefined;
}

/** One RPC-style request: a POST to `/` whose parameters are all in the query and whose body is empty. */
export interface UnsignedRequest {
  /** With the port, unless it is that of the scheme. */
  host: string;
  action: string;
  version: string;
  parameters: Readonly<Record<string, string>>;
  /** Epoch milliseconds. The gateway refuses a request that is more than 15 minutes from its own clock. */
  nowMs: number;
  /** Refused when any request of the last half hour had the same. */
  nonce: string;
}

export interface SignedRequest {
  /** Path and query, exactly as signed. */
  path: string;
  /** Exactly as signed, with the signature. */
  headers: Record<string, string>;
}

const algorithm = 'ACS3-HMAC-SHA256';

/** Signs with ACS3-HMAC-SHA256. Source: Alibaba Cloud SDK, "Request syntax and signature method V3". */
export function signRequest(request: UnsignedRequest, credentials: VodCredentials): SignedRequest {
  const { accessKeyId, accessKeySecret, securityToken } = credentials;
  const bodyHash = sha256('');
  // All of them are signed, as the rule is for `host` and every `x-acs-*`.
  const headers: Record<string, string> = {
    host: request.host,
    'x-acs-action': request.action,
    'x-acs-content-sha256': bodyHash,
    'x-acs-date': `${new Date(request.nowMs).toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': request.nonce,
    'x-acs-version': request.version,
    ...(securityToken && { 'x-acs-accesskey-id': accessKeyId, 'x-acs-security-token': securityToken }),
  };
  const names = Object.keys(headers).sort();
  const query = canonicalQuery(request.parameters);
  const canonicalRequest = [
    'POST',
    '/',
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim() ?? ''}`),
    '',
    names.join(';'),
    bodyHash,
  ].join('\n');
  const signature = createHmac('sha256', accessKeySecret)
    .update(`${algorithm}\n${sha256(canonicalRequest)}`)
    .digest('hex');
  headers['authorization'] =
    `${algorithm} Credential=${accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { path: `/?${query}`, headers };
}

/** `name=value` pairs in the order of their encoded names, each encoded exactly once. */
export function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
}

const reserved = /[^A-Za-z0-9._~-]/gu;

/**
 * RFC 3986: only the unreserved characters stay. `encodeURIComponent` keeps five more, and throws at some
 * texts.
 */
export function uriEncode(text: string): string {
  return percentEncode(text, reserved);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
