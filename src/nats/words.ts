import { ErrorCode } from 'nats';

/** Why a call failed. The library says some things in one word: these are put into words for an operator. */
export function reasonOf(error: unknown): string {
  const { message } = error instanceof Error ? error : { message: 'unknown' };
  const words = inWords.get(message);
  return words === undefined ? message : `${words} (${message})`;
}

const inWords: ReadonlyMap<string, string> = new Map([
  [ErrorCode.Timeout, 'NATS does not answer in time'],
  ['tls', 'the server offers no TLS, which tls:// asks for'],
  [ErrorCode.NoResponders, 'JetStream is not enabled for the account, or has no leader'],
]);

/** Why a first connection fails, as far as it can be told. */
export type ConnectFault =
  | 'credentials'
  | 'refused'
  | 'file'
  | 'no-tls'
  | 'host-of-certificate'
  | 'certificate'
  | 'name'
  | 'no-answer'
  | 'other';

/** By code and message of the client library, of Node.js and of the dial. The first that fits. */
const connectFaults: readonly (readonly [RegExp, ConnectFault])[] = [
  [/AUTHORIZATION_VIOLATION|AUTHENTICATION/, 'credentials'],
  [/ECONNREFUSED/, 'refused'],
  [/ENOENT|EACCES/, 'file'],
  [/SERVER_OPT_NA/, 'no-tls'],
  [/ALTNAME/, 'host-of-certificate'],
  [/certificate|signature|self.signed|CERT/i, 'certificate'],
  [/ENOTFOUND|EAI_AGAIN/, 'name'],
  [/TIMEOUT|ETIMEDOUT/, 'no-answer'],
];

export function connectFaultOf({ code = '', message }: NodeJS.ErrnoException): ConnectFault {
  return connectFaults.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1] ?? 'other';
}
