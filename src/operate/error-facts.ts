import type { Trouble } from './state.js';

/** An error that knows its code and what the operator can do, such as an MnsError. */
interface CodedError {
  code?: unknown;
  status?: number;
  requestId?: string;
  advice?: string;
  message: string;
}

/** What tells one lasting trouble from another. */
export function codeOf(error: unknown): string {
  const { code, message } = error as CodedError;
  return typeof code === 'string' ? code : message;
}

/** What an error says without its cause: causes quote URLs. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'unknown' };
  const { code, status, requestId, advice, message } = error as Error & CodedError;
  return { code, status, requestId, error: message, advice };
}

export function troubleOf(error: unknown, atMs: number): Trouble {
  const message = error instanceof Error ? error.message : 'unknown';
  return { code: error instanceof Error ? codeOf(error) : 'unknown', message, atMs };
}
