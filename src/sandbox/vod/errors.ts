/** The HTTP status and text of the errors VOD and its gateway answer with. */
const errors: Readonly<Record<string, readonly [status: number, text: string]>> = {
  AccessDenied: [400, "Access denied by authorizer's policy."],
  IncompleteSignature: [400, 'The request signature does not conform to Aliyun standards.'],
  InternalError: [500, 'The request processing has failed due to some unknown error.'],
  'InvalidAccessKeyId.NotFound': [404, 'Specified access key is not found.'],
  'InvalidAction.NotFound': [404, 'Specified api is not found, please check your url and method.'],
  'InvalidFile.NotFound': [400, 'The file does not exist.'],
  'InvalidMultipartUpload.NotFound': [400, 'The multipart upload not exist.'],
  InvalidParameter: [400, 'The specified parameter is invalid.'],
  'InvalidSecurityToken.Expired': [400, 'Specified SecurityToken is expired.'],
  'InvalidSecurityToken.MismatchWithAccessKey': [400, 'Specified SecurityToken mismatch with the AccessKey.'],
  'InvalidStorage.NotFound': [400, "can't find storage."],
  'InvalidTimeStamp.Expired': [400, 'Specified time stamp or date value is expired.'],
  'InvalidTimeStamp.Format': [400, 'Specified time stamp or date value is not well formatted.'],
  InvalidVersion: [400, 'Specified parameter Version is not valid.'],
  'InvalidVideo.NotFound': [400, 'The video does not exist.'],
  MissingParameter: [400, 'A parameter that is mandatory for this action is not supplied.'],
  MissingSecurityToken: [400, 'SecurityToken is mandatory for this action.'],
  ServiceUnAvailable: [503, 'The request has failed due to a temporary failure of the server.'],
  SignatureDoesNotMatch: [400, 'Specified signature is not matched with our calculation.'],
  SignatureNonceUsed: [400, 'Specified signature nonce was used already.'],
  'Throttling.User': [400, 'Request was denied due to user flow throttling.'],
  VideoIdsExceededMax: [400, 'The number of video IDs exceeds the maximum.'],
};

/** A call that VOD refuses: thrown while it is judged, turned into an answer at one place. */
export class VodFailure extends Error {
  readonly code: string;
  /** Instead of the code's usual status. */
  readonly status: number | undefined;

  /** Without `message` the text is the usual one of the code. */
  constructor(code: string, message?: string, status?: number) {
    super(message ?? textOf(code));
    this.name = 'VodFailure';
    this.code = code;
    this.status = status;
  }
}

/** The text that comes with a code; a general one for a code the sandbox does not know. */
export function textOf(code: string): string {
  return errors[code]?.[1] ?? 'The request was refused.';
}

/** The HTTP status VOD sends an error with: DeleteMultipartUpload has 400 for all errors of its own. */
export function statusOf({ code, status }: VodFailure, action: string): number {
  if (status !== undefined) return status;
  if (code === 'InvalidVideo.NotFound' && action !== 'DeleteMultipartUpload') return 404;
  if (/^(Forbidden|OperationDenied)/.test(code)) return 403;
  return errors[code]?.[0] ?? 400;
}

/** The refusal of a call that lacks a parameter or a header. */
export function missing(name: string): VodFailure {
  return new VodFailure(
    'MissingParameter',
    `The input parameter "${name}" that is mandatory for processing this request is not supplied.`,
  );
}
