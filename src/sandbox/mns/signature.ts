import { createHash, createHmac } from 'node:crypto';
import type { SandboxCredential } from '../control/types.js';
import type { MnsErrorCode } from './errors.js';
import type { MnsOperation } from './operation.js';

/** The parts of a request that its signature covers. */
export interface SignedRequest {
  method: string;
  /** Path and query exactly as on the request line. */
  target: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

const maximumSkewMs = 15 * 60 * 1000;
const v4Algorithm = 'MNS4-HMAC-SHA256';
const v4Form = /^Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/mns\/aliyun_v4_request, ?Signature=([0-9a-f]{64})$/;

/**
 * Judges who sent a request, when, and whether he may do this (`operation`; undefined when it is none)
 * ("Request protocol" and "Sign requests" of the API reference): an error code, or undefined for a request
 * that may pass. Takes signatures of version 2 (HMAC-SHA1, documented) and 4 (HMAC-SHA256, known from the
 * Java SDK). `nowMs` is the clock of the server, epoch milliseconds.
 */
export function judgeSignature(
  request: SignedRequest,
  credentials: readonly SandboxCredential[],
  nowMs: number,
  operation?: MnsOperation,
): MnsErrorCode | undefined {
  const authorization = header(request, 'authorization');
  if (authorization === '') return 'MissingAuthorizationHeader';
  const date = header(request, 'date') || header(request, 'x-mns-date');
  if (date === '') return 'MissingDateHeader';
  const dateMs = Date.parse(date);
  if (Number.isNaN(dateMs) || !date.endsWith('GMT')) return 'InvalidDateHeader';
  const v2 = /^MNS ([^:\s]+):(\S+)$/.exec(authorization);
  const v4 = authorization.startsWith(`${v4Algorithm} `)
    ? v4Form.exec(authorization.slice(v4Algorithm.length + 1))
    : null;
  const accessKeyId = v2?.[1] ?? v4?.[1];
  if (accessKeyId === undefined) return 'InvalidAuthorizationHeader';
  if (Math.abs(nowMs - dateMs) > maximumSkewMs) return 'TimeExpired';
  const credential = credentials.find((known) => known.accessKeyId === accessKeyId);
  if (credential === undefined) return 'InvalidAccessKeyId';
  const { accessKeySecret, securityToken, expiresMs, denied = [] } = credential;
  const isSignedRight =
    v4 === null
      ? v2?.[2] === signatureV2(request, date, accessKeySecret)
      : v4[4] === signatureV4(request, new Date(dateMs), v4[3] ?? '', accessKeySecret);
  if (!isSignedRight) return 'SignatureDoesNotMatch';
  if (securityToken !== undefined && header(request, 'security-token') !== securityToken) {
    return 'InvalidSecurityToken';
  }
  if (expiresMs !== undefined && nowMs >= expiresMs) return 'SecurityTokenExpired';
  return denied.some((each) => each === operation) ? 'AccessDenied' : undefined;
}

/**
 * Whether `contentMd5` is the digest of `body`: of its raw bytes (RFC 1864) or, as most MNS SDKs send, of its
 * hex form.
 */
export function isDigestOf(body: Buffer, contentMd5: string): boolean {
  const digest = createHash('md5').update(body).digest();
  return (
    contentMd5 === digest.toString('base64') ||
    contentMd5 === Buffer.from(digest.toString('hex')).toString('base64')
  );
}

function signatureV2(request: SignedRequest, date: string, secret: string): string {
  const head = [request.method, header(request, 'content-md5'), header(request, 'content-type'), date].join(
    '\n',
  );
  const text = `${head}\n${headerLines(request, (name) => name.startsWith('x-mns-'))}${request.target}`;
  return createHmac('sha1', secret).update(text).digest('base64');
}

/** Unlike other version 4 schemes, this one signs the canonical request itself and leaves out the body. */
function signatureV4(request: SignedRequest, date: Date, region: string, secret: string): string {
  const stamp = date.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  const day = stamp.slice(0, 8);
  const isCovered = (name: string): boolean => /^(content-type|content-md5|x-mns-.*)$/.test(name);
  const canonical = [
    request.method,
    ...canonicalTarget(request.target),
    headerLines(request, isCovered),
  ].join('\n');
  const text = [v4Algorithm, stamp, `${day}/${region}/mns/aliyun_v4_request`, canonical].join('\n');
  const steps = [day, region, 'mns', 'aliyun_v4_request', `${text}\n`];
  return steps
    .reduce<Buffer>(
      (key, step) => createHmac('sha256', key).update(step).digest(),
      Buffer.from(`aliyun_v4${secret}`),
    )
    .toString('hex');
}

/** Path and query, decoded and encoded again, so that it does not matter what the client has encoded. */
function canonicalTarget(target: string): [path: string, query: string] {
  const [path = '', query = ''] = target.split('?');
  const encode = (text: string): string =>
    encodeURIComponent(decode(text)).replaceAll(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      const encoded = encode(value.join('='));
      return encoded === '' ? name.toLowerCase() : `${name.toLowerCase()}=${encoded}`;
    });
  return [path.split('/').map(encode).join('/'), pairs.sort().join('&')];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function headerLines(request: SignedRequest, isCovered: (name: string) => boolean): string {
  return Object.entries(request.headers)
    .map(([name, value]) => [name.toLowerCase(), String(value ?? '')] as const)
    .filter(([name]) => isCovered(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`)
    .join('');
}

function header(request: SignedRequest, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
