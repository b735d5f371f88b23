/** JetStream will not store this publication, however often it is tried. */
export class PublishRejectedError extends Error {
  override readonly name = 'PublishRejectedError';
}

/**
 * A stream does not store a publication for a lasting reason, such as a limit or a permission. A later try
 * may succeed.
 */
export class NotStoredError extends Error {
  override readonly name = 'NotStoredError';
  readonly code: string;
  readonly advice = '`vod-relay doctor` says which limit or permission of the stream to change';
  readonly stream: string;
  readonly subject: string;
  readonly reason: string;

  constructor(stream: string, subject: string, reason: string) {
    super(`the stream ${stream} does not store ${subject}: ${reason}`);
    this.code = `NotStored ${stream}`;
    this.stream = stream;
    this.subject = subject;
    this.reason = reason;
  }
}
