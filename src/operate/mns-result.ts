const results: ReadonlyMap<string, string> = new Map(
  Object.entries({
    TimedOut: 'timed-out',
    ConnectionFailed: 'connection-failed',
    UnexpectedAnswer: 'unexpected-answer',
    NoCredentials: 'no-credentials',
    MessageNotExist: 'handle-gone',
    ReceiptHandleError: 'handle-gone',
    TooManyRequests: 'throttled',
    QpsLimitExceeded: 'throttled',
    QueueNotExist: 'no-queue',
  }),
);

/** The result of a call to MNS as one of a dozen words, since the codes of MNS have no bound. */
export function mnsResult(operation: string, error: unknown): string {
  if (error === undefined) return 'ok';
  const { code, status = 0 } = error as { code?: unknown; status?: number };
  // An abort of our own carries no code of MNS.
  if (typeof code !== 'string') return 'cut';
  if (operation === 'BatchReceiveMessage' && code === 'MessageNotExist') return 'empty';
  const known = results.get(code);
  if (known !== undefined) return known;
  if (status === 429) return 'throttled';
  if (status === 403) return 'denied';
  return status >= 500 ? 'server-error' : 'refused';
}
