import { randomUUID } from 'node:crypto';
import { errors } from 'undici';
import { DialError } from '../network/dial.js';
import { HttpPool } from '../network/http-pool.js';
import type { Clock } from '../time.js';
import { answeredAtMs, readAnswer, readVideoInfo, type VideoInfo, type VodAnswer } from './vod-answer.js';
import { ownCodes, publicText, VodError } from './vod-error.js';
import { signRequest, type VodCredentials } from './vod-signature.js';

export interface VodClientOptions {
  /** An origin: `https://vod.<region>.aliyuncs.com` */
  endpoint: string;
  credentials: VodCredentialsSource;
  clock: Clock;
  /**
   * How long a call may take as a whole, from asking for credentials to the end of the body; default 10 s.
   */
  answerWithinMs?: number;
}

/** Where the credentials of each request come from. */
export interface VodCredentialsSource {
  /** Rejects at once when the signal is aborted. */
  get(signal?: AbortSignal): Promise<VodCredentials>;
  /** Says that VOD refused this set: the next `get` gives another, if there is one. */
  refuse(credentials: VodCredentials): void;
}

const version = '2017-03-21';

/** GetVideoInfo answers with a few KB. More than this is no answer of VOD. */
const maxAnswerBytes = 256 * 1024;

/** No media has it: the ids of VOD are hexadecimal. */
const nobodysMedia = 'vod-relay-doctor';

/** The operation itself looked at its parameters. */
const refusedContents = /^(Invalid(Video|File|MultipartUpload)\.NotFound|InvalidParameter.*)$/i;

/** The quotas (100 GetVideoInfo, 10 DeleteMultipartUpload a second) with half a second for each call. */
const maxConnections = 64;

/**
 * The two operations of VOD that a follow-up needs, over keep-alive connections.
 *
 * The vendor's SDK (`@alicloud/openapi-core`) is not used: it loses the status of an answer that is not JSON,
 * its read timeout fails on a connection used before, no call can be aborted, and it brings 40 packages with
 * an install script. What is left of it for two operations is the signature, which a published vector proves.
 *
 * A call resolves only when VOD said that it took effect. It rejects with a VodError in any other case, or
 * with the reason of the caller's signal. It is tried a second time only when VOD refused the credentials,
 * with a fresh set.
 */
export class VodClient {
  readonly #pool: HttpPool;
  readonly #host: string;
  readonly #credentials: VodCredentialsSource;
  readonly #clock: Clock;
  readonly #answerWithinMs: number;
  /** A moment on VOD's clock, and on the monotonic one of this process. */
  #moment: { vodMs: number; monotonicMs: number } | undefined;

  constructor({ endpoint, credentials, clock, answerWithinMs = 10_000 }: VodClientOptions) {
    const { origin, host } = new URL(endpoint);
    this.#host = host;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#answerWithinMs = answerWithinMs;
    this.#pool = new HttpPool({
      origin,
      connections: maxConnections,
      maxAnswerBytes,
      bodyWithinMs: 0,
      clock,
    });
  }

  /** @throws VodError of kind `gone` when VOD has no such media (in this region). */
  async getVideoInfo(mediaId: string, signal: AbortSignal): Promise<VideoInfo> {
    return readVideoInfo(await this.#call('GetVideoInfo', { VideoId: mediaId }, signal), mediaId);
  }

  /**
   * Removes the parts of every unfinished upload of the media, one that is running now included.
   *
   * @throws VodError of kind `gone` when there is no upload or no such media (in this region).
   */
  async deleteMultipartUpload(mediaId: string, signal: AbortSignal): Promise<{ requestId: string }> {
    const parameters = { MediaId: mediaId, MediaType: 'video' };
    const { requestId } = await this.#call('DeleteMultipartUpload', parameters, signal);
    return { requestId };
  }

  /**
   * Finds out whether an operation is permitted, by a call without effect: about a media that cannot exist,
   * and for DeleteMultipartUpload of a type that VOD refuses as well.
   *
   * @throws VodError when it is not permitted, or the call failed in another way.
   */
  async probePermission(
    operation: 'GetVideoInfo' | 'DeleteMultipartUpload',
    signal: AbortSignal,
  ): Promise<void> {
    const parameters =
      operation === 'GetVideoInfo'
        ? { VideoId: nobodysMedia }
        : { MediaId: nobodysMedia, MediaType: 'vod-relay-doctor' };
    try {
      await this.#call(operation, parameters, signal);
    } catch (error) {
      const isAnswered = error instanceof VodError && (error.kind === 'gone' || error.kind === 'bug');
      if (!isAnswered || !refusedContents.test(error.code)) throw error;
    }
  }

  /**
   * It is this late by VOD's clock, as the last answer had it, epoch milliseconds; undefined when none had.
   */
  get vodNowMs(): number | undefined {
    return this.#moment && this.#moment.vodMs + this.#clock.monotonicMs() - this.#moment.monotonicMs;
  }

  /** Ends every connection, also those with a call on them. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #call(
    operation: string,
    parameters: Record<string, string>,
    caller: AbortSignal,
  ): Promise<VodAnswer> {
    caller.throwIfAborted();
    const ending = new AbortController();
    const leave = (): void => {
      ending.abort(caller.reason);
    };
    caller.addEventListener('abort', leave, { once: true });
    const cancel = this.#clock.after(this.#answerWithinMs, () => {
      ending.abort(new Error(`no answer within ${this.#answerWithinMs} ms`));
    });
    try {
      return await this.#callUntilAccepted(operation, parameters, ending.signal);
    } catch (error) {
      caller.throwIfAborted();
      throw error;
    } finally {
      cancel();
      caller.removeEventListener('abort', leave);
    }
  }

  async #callUntilAccepted(
    operation: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<VodAnswer> {
    for (let isSecond = false; ; isSecond = true) {
      const credentials = await this.#credentials.get(signal).catch((error: unknown) => {
        throw new VodError({ operation, code: ownCodes.noCredentials, message: textOf(error) });
      });
      try {
        return await this.#try(operation, parameters, credentials, signal);
      } catch (error) {
        if (!(error instanceof VodError) || error.kind !== 'credentials') throw error;
        this.#credentials.refuse(credentials);
        if (isSecond) throw error;
      }
    }
  }

  /** One request, signed with a time and a nonce of its own. */
  async #try(
    operation: string,
    parameters: Record<string, string>,
    credentials: VodCredentials,
    signal: AbortSignal,
  ): Promise<VodAnswer> {
    const secrets = [credentials.accessKeyId, credentials.accessKeySecret, credentials.securityToken];
    const { path, headers } = signRequest(
      {
        host: this.#host,
        action: operation,
        version,
        parameters,
        nowMs: this.#clock.now(),
        nonce: randomUUID(),
      },
      credentials,
    );
    let status: number | undefined;
    try {
      const response = await this.#pool.request(
        // One deadline holds for the call as a whole.
        { method: 'POST', path, headers: { ...headers, accept: 'application/json' }, headersTimeout: 0 },
        signal,
      );
      status = response.statusCode;
      const vodMs = answeredAtMs(response.headers);
      if (vodMs !== undefined) this.#moment = { vodMs, monotonicMs: this.#clock.monotonicMs() };
      const bytes = await response.body.bytes();
      return readAnswer({ status, headers: response.headers, bytes }, { operation, secrets });
    } catch (error) {
      if (error instanceof VodError) throw error;
      throw new VodError({
        operation,
        code: codeOf(error, signal),
        message: textOf(error, secrets),
        status,
      });
    }
  }
}

function codeOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted || error instanceof errors.ConnectTimeoutError) return ownCodes.timedOut;
  if (error instanceof DialError && error.code === 'ETIMEDOUT') return ownCodes.timedOut;
  if (error instanceof errors.ResponseExceededMaxSizeError) return ownCodes.unexpectedAnswer;
  return ownCodes.connectionFailed;
}

function textOf(error: unknown, secrets?: readonly (string | undefined)[]): string {
  return publicText((error as Error).message, secrets);
}
