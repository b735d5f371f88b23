import type { RequestFault } from '../faults/fault.js';
import type { MnsAccount } from './account.js';
import type { MnsFailure } from './errors.js';
import type { MnsCall } from './operation.js';
import type { WireString } from './xml-out.js';

/** The answer of an operation that does not fail. */
export interface MnsAnswer {
  status: number;
  /** Headers beside those of every answer: name, value, name, value … */
  headers?: readonly string[];
  /** Empty for none. */
  body: WireString;
}

/** A request that has passed all checks. */
export interface MnsRequest {
  account: MnsAccount;
  call: MnsCall;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
  /** `http://host:port` as the client knows the sandbox. */
  baseUrl: string;
  fault: RequestFault | undefined;
  onDisconnect: (run: () => void) => void;
}

/** Ends an operation; called once. Refusals may also be thrown, as long as the operation has not returned. */
export type Finish = (answer: MnsAnswer | MnsFailure) => void;
