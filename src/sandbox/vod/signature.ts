import { createHash, createHmac } from 'node:crypto';
import type { SandboxCredential } from '../control/types.js';
import { missing, VodFailure } from './errors.js';
import type { VodRequest } from './request.js';

/** The sender of a request, in either way of signing. */
interface Proof {
  accessKeyId: string;
  securityToken: string;
  date: string;
  nonce: string;
  stringToSign: string;
  signature: string;
  sign: (accessKeySecret: string) => string;
}

const maximumSkewMs = 15 * 60 * 1000;
const dateForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
const v3Form = /^ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([^,\s]+)$/;
const v3Required = ['x-acs-version', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-content-sha256'];
const v1Required = [
  'Version',
  'AccessKeyId',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'SignatureNonce',
  'Timestamp',
];

/**
 * Judges who sent a request, when, and whether he may do this. Takes ACS3-HMAC-SHA256 ("V3 request structure
 * and signature") and HMAC-SHA1 of version 1.0 ("Signature method" of VOD). `nowMs` is the clock of the
 * server, epoch milliseconds.
 * @returns the nonce, which no other request may have.
 * @throws VodFailure
 */
export function checkSender(
  request: VodRequest,
  credentials: readonly SandboxCredential[],
  nowMs: number,
): string {
  const proof = request.isV3 ? readV3(request) : readV1(request);
  const dateMs = dateForm.test(proof.date) ? Date.parse(proof.date) : Number.NaN;
  if (Number.isNaN(dateMs)) throw new VodFailure('InvalidTimeStamp.Format');
  if (Math.abs(nowMs - dateMs) > maximumSkewMs) throw new VodFailure('InvalidTimeStamp.Expired');
  const credential = credentials.find((known) => known.accessKeyId === proof.accessKeyId);
  if (credential === undefined) throw new VodFailure('InvalidAccessKeyId.NotFound');
  const { accessKeySecret, securityToken = '', expiresMs, denied = [] } = credential;
  if (proof.signature !== proof.sign(accessKeySecret)) {
    // The service tells its own calculation, and so the key id and all that was signed.
    const text = `Specified signature is not matched with our calculation. server string to sign is:${proof.stringToSign}`;
    throw new VodFailure('SignatureDoesNotMatch', text);
  }
  if (securityToken !== '' && proof.securityToken === '') throw new VodFailure('MissingSecurityToken');
  if (securityToken !== proof.securityToken) {
    throw new VodFailure('InvalidSecurityToken.MismatchWithAccessKey');
  }
  if (expiresMs !== undefined && nowMs >= expiresMs) throw new VodFailure('InvalidSecurityToken.Expired');
  if (denied.some((each) => each === request.action)) throw new VodFailure('Forbidden.RAM');
  return proof.nonce;
}

function readV3({ method, headers, body, query }: VodRequest): Proof {
  const header = (name: string): string => String(headers[name] ?? '').trim();
  const authorization = header('authorization');
  if (authorization === '') throw missing('Authorization');
  for (const name of v3Required) if (header(name) === '') throw missing(name);
  const [, accessKeyId = '', signedHeaders = '', signature = ''] = v3Form.exec(authorization) ?? [];
  const signed = signedHeaders.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-acs-'));
  if (accessKeyId === '' || !mustBeSigned.every((name) => signed.includes(name))) {
    const text = `The request signature does not conform to Aliyun standards. server signed headers is:${mustBeSigned.sort().join(';')}, Authorization is:${authorization}`;
    throw new VodFailure('IncompleteSignature', text);
  }
  const canonical = [
    method,
    '/',
    query.map(encodePair).sort().join('&'),
    ...signed.map((name) => `${name}:${header(name)}`),
    '',
    signedHeaders,
    header('x-acs-content-sha256'),
  ].join('\n');
  const stringToSign = `ACS3-HMAC-SHA256\n${sha256(canonical)}`;
  const isBody = header('x-acs-content-sha256') === sha256(body);
  return {
    accessKeyId,
    securityToken: header('x-acs-security-token'),
    date: header('x-acs-date'),
    nonce: header('x-acs-signature-nonce'),
    stringToSign: `${stringToSign}, server canonicalized string is:${canonical}`,
    signature: isBody ? signature : '',
    sign: (secret) => createHmac('sha256', secret).update(stringToSign).digest('hex'),
  };
}

function readV1({ method, query, form, parameter }: VodRequest): Proof {
  for (const name of v1Required) if (parameter(name) === '') throw missing(name);
  for (const [name, value] of [
    ['SignatureMethod', 'HMAC-SHA1'],
    ['SignatureVersion', '1.0'],
  ] as const) {
    if (parameter(name) === value) continue;
    throw new VodFailure('InvalidParameter', `The specified parameter "${name}" is not valid.`);
  }
  const signed = [...query, ...form].filter(([name]) => name !== 'Signature');
  const stringToSign = `${method}&%2F&${encode(signed.map(encodePair).sort().join('&'))}`;
  return {
    accessKeyId: parameter('AccessKeyId'),
    securityToken: parameter('SecurityToken'),
    date: parameter('Timestamp'),
    nonce: parameter('SignatureNonce'),
    stringToSign,
    signature: parameter('Signature'),
    sign: (secret) => createHmac('sha1', `${secret}&`).update(stringToSign).digest('base64'),
  };
}

function encodePair([name, value]: readonly [string, string]): string {
  return `${encode(name)}=${encode(value)}`;
}

/** As RFC 3986 has it: everything but letters, digits and `-_.~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
