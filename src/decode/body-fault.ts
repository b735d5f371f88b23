import type { UndecodableCode } from '../event/dead-letter-code.js';

/**
 * Why a body cannot be decoded. Thrown within this folder and turned into a result by `decodeBody`.
 * `message` names what is expected and `at` where; neither ever holds a value or a piece of the body.
 */
export class BodyFault extends Error {
  override readonly name = 'BodyFault';
  readonly code: UndecodableCode;
  readonly at: string;

  constructor(code: UndecodableCode, reason: string, at: string) {
    super(reason);
    this.code = code;
    this.at = at;
  }
}

/** A place in a text, counted in UTF-16 code units from its first character that is not a blank. */
export function offset(at: number): string {
  return `offset ${at}`;
}
