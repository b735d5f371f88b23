import { isInstant } from '../event/instant.js';
import { ownCodes, publicText, VodError } from './vod-error.js';

/** The answer over HTTP. */
export interface VodResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  bytes: Uint8Array;
}

/** An answer that says the call took effect. */
export interface VodAnswer {
  requestId: string;
  members: Readonly<Record<string, unknown>>;
}

export interface VideoInfo {
  /** `Uploading`, `Normal`, …: see VOD "Basic data types". */
  status: string;
  /** Epoch milliseconds, by VOD's clock. */
  createdMs: number;
  /** Epoch milliseconds, by VOD's clock. */
  modifiedMs: number;
  requestId: string;
}

/** The call that was answered. */
export interface AnsweredCall {
  operation: string;
  /** The secrets of the request, which no error may hold. */
  secrets: readonly (string | undefined)[];
}

/**
 * Decides what an answer means. Success is status 200 with a RequestId and without a Code, and nothing else;
 * the Content-Type is not looked at, since gateways send theirs. An answer that is not VOD's is described and
 * never quoted: a proxy's page may show the request that it could not pass on.
 *
 * @throws VodError for every other answer.
 */
export function readAnswer(response: VodResponse, { operation, secrets }: AnsweredCall): VodAnswer {
  const { status, headers, bytes } = response;
  const fail = (code: string, message: string, requestId = idOf(headers['x-acs-request-id'])): VodError =>
    new VodError({
      operation,
      code,
      message,
      status,
      requestId,
      retryAfterMs: retryAfterMsOf(headers['x-acs-retry-after']),
    });

  const members = parseObject(bytes);
  if (members === undefined) {
    const type = publicText(String(headers['content-type'] ?? 'no type'), secrets).slice(0, 60);
    throw fail(
      ownCodes.unexpectedAnswer,
      `an answer that is not a JSON object (${type}, ${bytes.length} bytes)`,
    );
  }
  const { Code, Message, RequestId } = members;
  const requestId = idOf(RequestId);
  if (Code !== undefined && Code !== null && Code !== '') {
    const code = codeOf(Code, secrets);
    if (code === undefined)
      throw fail(ownCodes.unexpectedAnswer, 'an answer with a Code that is none', requestId);
    throw fail(code, messageOf(code, Message, secrets), requestId);
  }
  if (status !== 200) throw fail(ownCodes.unexpectedAnswer, 'an answer without a Code', requestId);
  if (requestId === undefined) throw fail(ownCodes.unexpectedAnswer, 'an answer without a RequestId');
  return { requestId, members };
}

/**
 * The media that GetVideoInfo tells of.
 *
 * @throws VodError when it is another media, or a field is missing or no valid time: a guess could let a call
 * through that aborts an upload under way.
 */
export function readVideoInfo({ requestId, members }: VodAnswer, mediaId: string): VideoInfo {
  const fail = (message: string): VodError =>
    new VodError({
      operation: 'GetVideoInfo',
      code: ownCodes.unexpectedAnswer,
      message,
      status: 200,
      requestId,
    });
  const { Video } = members;
  if (!isObject(Video)) throw fail('an answer without a Video');
  if (Video['VideoId'] !== mediaId) throw fail('an answer about another VideoId');
  const { Status } = Video;
  if (typeof Status !== 'string' || Status === '') throw fail('an answer without a Status');
  const instantMs = (name: string): number => {
    const text = Video[name];
    if (typeof text !== 'string' || !isInstant(text)) throw fail(`an answer without a valid ${name}`);
    return Date.parse(text);
  };
  return {
    status: publicText(Status),
    createdMs: instantMs('CreationTime'),
    modifiedMs: instantMs('ModificationTime'),
    requestId,
  };
}

/** When an answer was made, by the clock that made it; undefined when it does not say. */
export function answeredAtMs({ date }: VodResponse['headers']): number | undefined {
  const ms = typeof date === 'string' ? Date.parse(date) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const idForm = /^[\w.:-]{1,100}$/;

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && idForm.test(value) ? value : undefined;
}

/** A code goes into logs and counters as it is, so it must look like one. */
function codeOf(value: unknown, secrets: AnsweredCall['secrets']): string | undefined {
  if (typeof value !== 'string') return undefined;
  const code = publicText(value, secrets);
  return /^\w[\w.-]{0,99}$/.test(code) ? code : undefined;
}

/**
 * VOD's text about a signature quotes the string that was signed, with the access key id and the token in it.
 */
function messageOf(code: string, message: unknown, secrets: AnsweredCall['secrets']): string {
  if (typeof message !== 'string' || message.trim() === '') return 'no message';
  if (/signature(?!nonce)/i.test(code)) return 'the text is left out, as it quotes the request';
  return publicText(message, secrets);
}

/** The SDKs take it for milliseconds; VOD documents no unit. */
function retryAfterMsOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,7}$/.test(value) ? Number(value) : undefined;
}
