/**
 * The HTTP status and text of each error the sandbox answers with: the table of "Error codes" in the API
 * reference.
 */
const errors = {
  AccessDenied: [403, 'The OwnerId that your Access Key Id associated to is forbidden for this operation.'],
  FifoMissingMessageGroupId: [400, 'The MessageGroupId is required for a FIFO queue.'],
  InternalError: [500, 'Interal error.'], // the service spells it so
  InvalidAccessKeyId: [403, 'The AccessKey Id you provided is not exist.'],
  InvalidArgument: [400, 'The value of an element is not valid.'],
  InvalidAuthorizationHeader: [400, 'The Authorization header format is not valid.'],
  InvalidDateHeader: [400, 'The Date header format is not valid.'],
  InvalidDigest: [400, 'The Content-MD5 you specified is invalid.'],
  InvalidQueryString: [400, 'The query string you provided is not valid.'],
  InvalidQueueName: [400, 'The queue name you provided is not valid.'],
  InvalidRequestURL: [400, 'The request URL you provided is not valid.'],
  InvalidSecurityToken: [403, 'The security token you provided is not valid.'],
  InvalidVersionHeader: [400, 'The x-mns-version header is not valid.'],
  MalformedXML: [400, 'The XML you provided was not well-formed.'],
  MessageNotExist: [404, 'Message not exist.'],
  MissingAuthorizationHeader: [400, 'The Authorization header is required.'],
  MissingDateHeader: [400, 'The Date header is required.'],
  MissingReceiptHandle: [400, 'The receipt handle is required.'],
  MissingVersionHeader: [400, 'The x-mns-version header is required.'],
  MissingVisibilityTimeout: [400, 'The visibility timeout is required.'],
  QueueAlreadyExist: [409, 'The queue you want to create is already exist.'],
  QueueNameLengthError: [400, 'The length of the queue name should between 1 and 120.'],
  QueueNotExist: [404, 'The queue name you provided is not exist.'],
  ReceiptHandleError: [400, 'The receipt handle you provide is not valid.'],
  SecurityTokenExpired: [403, 'The security token you provided has expired.'],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  TimeExpired: [408, 'The http request you sent is expired.'],
  TooManyRequests: [429, 'The request is denied by cluster flow limiter for too many requests.'],
} as const satisfies Record<string, readonly [number, string]>;

export type MnsErrorCode = keyof typeof errors;

/**
 * A request the sandbox refuses: thrown while a request is read, turned into an `<Error>` answer at one
 * place.
 */
export class MnsFailure extends Error {
  readonly code: string;
  readonly status: number;

  /** `message` replaces the code's usual text. */
  constructor(code: MnsErrorCode, message?: string) {
    const [status, text] = errors[code];
    super(message ?? text);
    this.name = 'MnsFailure';
    this.code = code;
    this.status = status;
  }
}

/** The refusal of a value outside its range, in the words of the service. */
export function outOfRange(element: string, low: number, high: number, unit = ''): MnsFailure {
  return new MnsFailure(
    'InvalidArgument',
    `The value of ${element} should between ${low} and ${high}${unit}.`,
  );
}

/** Reads a whole number between `low` and `high`, or throws InvalidArgument. */
export function numberInRange(element: string, text: string, low: number, high: number, unit = ''): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw outOfRange(element, low, high, unit);
  return value;
}
