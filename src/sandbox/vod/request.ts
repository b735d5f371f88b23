import type { Exchange } from '../http/exchange.js';

/** A call of VOD as it came, before anything of it is judged. */
export interface VodRequest {
  method: string;
  headers: Exchange['headers'];
  body: Buffer;
  /** Signed in its headers (ACS3-HMAC-SHA256), not in its parameters (RPC, version 1.0). */
  isV3: boolean;
  /** Empty where the request names none. */
  action: string;
  version: string;
  /** Decoded: those of the query, then those of a form in the body. */
  query: readonly (readonly [name: string, value: string])[];
  form: readonly (readonly [name: string, value: string])[];
  /** Empty for a parameter that is not there. */
  parameter: (name: string) => string;
  /** Whether the answer is JSON; without a word about it VOD answers XML. */
  isJson: boolean;
}

/** Whether a request is for VOD: all its calls have the path `/`, which no MNS queue has. */
export function isVodTarget(target: string): boolean {
  return target === '/' || target.startsWith('/?');
}

/** Reads what a request says; takes everything. */
export function readVodRequest({ method, target, headers, body }: Exchange): VodRequest {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  // A plus sign is a blank, as in every form decoder: a client that sends one unencoded gets to feel it.
  const query = [...new URLSearchParams(target.slice(1))];
  const form = isForm ? [...new URLSearchParams(body.toString('utf8'))] : [];
  const parameters = new Map([...query, ...form]);
  const parameter = (name: string): string => parameters.get(name) ?? '';
  // Clients that sign in the parameters send `x-acs-action` as well.
  const isV3 =
    headers.authorization !== undefined ||
    (headers['x-acs-action'] !== undefined && parameter('Signature') === '');
  return {
    method,
    headers,
    body,
    isV3,
    action: isV3 ? String(headers['x-acs-action'] ?? '') : parameter('Action'),
    version: isV3 ? String(headers['x-acs-version'] ?? '') : parameter('Version'),
    query,
    form,
    parameter,
    isJson: isV3 ? /\bjson\b/i.test(headers.accept ?? '') : parameter('Format').toUpperCase() === 'JSON',
  };
}
