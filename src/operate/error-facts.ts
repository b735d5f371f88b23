import type { Trouble } from './state.js';

/** An error that knows its code and what the operator can do, such as an MnsError. */
interface CodedError {
  code?: unknown;
  status?: number;
  requestId?: string;
  advice?: string;
  message: string;
}

/** The part of a log line that an error makes. */
interface ErrorFacts {
  code?: unknown;
  status?: number | undefined;
  requestId?: string | undefined;
  error: string;
  advice?: string | undefined;
}

/** Of a media id, which may be 64 KiB long, no more than this is in a line. */
export const maxMediaIdLength = 200;

/** The key that tells one lasting trouble from another. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code, message } = error as Error & CodedError;
  return typeof code === 'string' ? code : message;
}

/** The message of an error without its cause: causes quote URLs. */
export function errorFacts(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { error: 'unknown' };
  const { code, status, requestId, advice, message } = error as Error & CodedError;
  return { code, status, requestId, error: message, advice };
}

export function troubleOf(error: unknown, atMs: number): Trouble {
  const { message, advice } = error instanceof Error ? (error as Error & CodedError) : { message: 'unknown' };
  return { code: codeOf(error), message, advice, atMs };
}
