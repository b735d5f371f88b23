import MNS from '@alicloud/mns';
import type { Clock } from '../time.js';
import type { CredentialsCache } from '../aliyun/credentials.js';
import { describeCall, type Call } from './mns-call.js';
import { MnsError, ownCodes } from './mns-error.js';
import { MnsTransport, isTimeout, type MnsRequest, type MnsResponse } from './mns-transport.js';
import { parseMnsXml, type MnsItem } from './mns-xml.js';

export interface MnsClientOptions {
  /** `https://<account>.mns.<region>.aliyuncs.com` */
  endpoint: string;
  account: string;
  credentials: CredentialsCache;
  clock: Clock;
  /** How long an answer may take to begin, on top of the time that a poll waits; default 10 s. */
  answerWithinMs?: number;
  /** How long its body may take then; default 15 s. */
  bodyWithinMs?: number;
  /** Told of each call when it has ended. */
  onCall?: (call: MnsCall) => void;
}

/** One call that has ended. */
export interface MnsCall {
  operation: string;
  durationMs: number;
  /** The error that it was rejected with; undefined when MNS answered that it took effect. */
  error: unknown;
}

/** An answer that says the call succeeded, in whole or (batch delete) in part. */
export interface MnsAnswer {
  status: number;
  requestId: string | undefined;
  items: readonly MnsItem[];
  /** Monotonic time at which the answer began. */
  receivedAtMs: number;
  /** The clock of MNS when it answered, to the second; epoch milliseconds. */
  serverTimeMs: number | undefined;
}

/** Of an error message from outside, no more than this is passed on. */
const maxMessageLength = 500;

/**
 * @alicloud/mns with its operations and its signing, but with a transport and a judgement of its own: the
 * package resolves for most failed calls, cannot be aborted and ends a 30 s poll with an error.
 *
 * Every operation resolves only when MNS said that it took effect, and rejects with an MnsError in any other
 * case, or with the reason of the caller's signal.
 */
export class MnsClient extends MNS {
  readonly #transport: MnsTransport;
  readonly #credentials: CredentialsCache;
  readonly #answerWithinMs: number;
  readonly #clock: Clock;
  readonly #onCall: (call: MnsCall) => void;

  constructor({
    endpoint,
    account,
    credentials,
    clock,
    answerWithinMs = 10_000,
    bodyWithinMs,
    onCall = () => undefined,
  }: MnsClientOptions) {
    // The package wants credentials here and signs with the fields that `request` sets for each request.
    super(account, { accessKeyId: 'unset', accessKeySecret: 'unset', endpoint: new URL(endpoint).origin });
    this.#transport = new MnsTransport({ endpoint, clock, bodyWithinMs });
    this.#credentials = credentials;
    this.#answerWithinMs = answerWithinMs;
    this.#clock = clock;
    this.#onCall = onCall;
  }

  /** Up to `max` (16) messages. A poll that ends empty rejects with `MessageNotExist`. */
  override batchReceiveMessage(
    queue: string,
    max: number,
    waitSeconds: number,
    signal?: AbortSignal,
    beforeBody?: MnsRequest['beforeBody'],
  ): Promise<MnsAnswer> {
    // The package's own operation takes no signal and leaves `waitseconds` out when it is 0.
    const resource = `/queues/${queue}/messages?numOfMessages=${max}&waitseconds=${waitSeconds}`;
    return this.request('GET', resource, 'Messages', '', [], { signal, waitSeconds, beforeBody });
  }

  override receiveMessage(queue: string, waitSeconds: number, signal?: AbortSignal): Promise<MnsAnswer> {
    const resource = `/queues/${queue}/messages?waitseconds=${waitSeconds}`;
    return this.request('GET', resource, 'Message', '', [], { signal, waitSeconds });
  }

  /** The package puts the handle into the URL as it is, where `+`, `&` and `#` would change it. */
  override deleteMessage(queue: string, receiptHandle: string): Promise<MnsAnswer> {
    return super.deleteMessage(queue, encodeURIComponent(receiptHandle)) as Promise<MnsAnswer>;
  }

  /** Status 204: all are deleted. Any other: the items say which are not, and why. */
  override batchDeleteMessage(queue: string, receiptHandles: readonly string[]): Promise<MnsAnswer> {
    return super.batchDeleteMessage(queue, receiptHandles.map(escapeXml)) as Promise<MnsAnswer>;
  }

  override changeMessageVisibility(
    queue: string,
    receiptHandle: string,
    seconds: number,
  ): Promise<MnsAnswer> {
    return super.changeMessageVisibility(
      queue,
      encodeURIComponent(receiptHandle),
      seconds,
    ) as Promise<MnsAnswer>;
  }

  override getQueueAttributes(queue: string, signal?: AbortSignal): Promise<MnsAnswer> {
    return this.request('GET', `/queues/${queue}`, 'Queue', '', [], { signal });
  }

  /** The one way out, which every operation of the package takes too. */
  override async request(
    method: string,
    resource: string,
    type: string,
    body: string | Buffer,
    _attentions: readonly string[] = [],
    options: CallOptions = {},
  ): Promise<MnsAnswer> {
    const call = describeCall(method, resource, type);
    const startedMs = this.#clock.monotonicMs();
    const tell = (error?: unknown): void => {
      const { operation } = call;
      this.#onCall({ operation, durationMs: this.#clock.monotonicMs() - startedMs, error });
    };
    try {
      const answer = await this.#exchange({ method, resource, type, body }, call, options);
      tell();
      return answer;
    } catch (error) {
      tell(error);
      throw error;
    }
  }

  async #exchange(
    { method, resource, type, body }: Exchange,
    failure: Call,
    { signal, waitSeconds = 0, beforeBody }: CallOptions,
  ): Promise<MnsAnswer> {
    const credentials = await this.#credentials.get(signal).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new MnsError({
        ...failure,
        code: ownCodes.noCredentials,
        message: withoutSecrets(cause as Error),
        cause,
      });
    });
    this.accessKeyID = credentials.accessKeyId;
    this.accessKeySecret = credentials.accessKeySecret;
    this.securityToken = credentials.securityToken;
    const headers = this.buildHeaders(method, body, resource);
    let response: MnsResponse;
    try {
      const answerWithinMs = waitSeconds * 1000 + this.#answerWithinMs;
      const limits = { answerWithinMs, beforeBody, signal };
      response = await this.#transport.send({ method, resource, headers, body, ...limits });
    } catch (cause) {
      signal?.throwIfAborted();
      const code = isTimeout(cause) ? ownCodes.timedOut : ownCodes.connectionFailed;
      throw new MnsError({ ...failure, code, message: (cause as Error).message, cause });
    }
    try {
      return judge(response, method, type, failure);
    } catch (error) {
      if (error instanceof MnsError && error.isCredentialFault) this.#credentials.refuse(credentials);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }
}

interface CallOptions extends Pick<MnsRequest, 'signal' | 'beforeBody'> {
  waitSeconds?: number;
}

interface Exchange {
  method: string;
  resource: string;
  type: string;
  body: string | Buffer;
}

/**
 * Decides what an answer means, by status and root element together; the Content-Type is not looked at, since
 * gateways send theirs. Source: MNS "Error codes" and the pages of the operations.
 */
function judge(response: MnsResponse, method: string, type: string, call: Call): MnsAnswer {
  const { status, requestId, receivedAtMs, serverTimeMs, bytes } = response;
  const fail = (message: string, { Code, RequestId }: Record<string, string> = {}): MnsError => {
    const id = RequestId || requestId;
    return new MnsError({
      ...call,
      code: Code || ownCodes.unexpectedAnswer,
      message,
      status,
      ...(id && { requestId: id }),
    });
  };

  if (status === 204) {
    if (method !== 'DELETE') throw fail('an answer without the content that this operation returns');
    return { status, requestId, items: [], receivedAtMs, serverTimeMs };
  }
  if (bytes.length === 0) throw fail('an empty answer');
  let document;
  try {
    document = parseMnsXml(bytes);
  } catch (error) {
    throw fail(`an answer that is not the XML of MNS: ${(error as Error).message}`);
  }
  const [first] = document.items;
  if (document.root === 'Error') {
    throw fail(first?.fields['Message']?.slice(0, maxMessageLength) || 'no message', first?.fields);
  }
  // Documented with status 404; the SDKs of the vendor look at the root alone.
  const isPartial = type === 'Errors' && document.root === 'Errors' && first !== undefined;
  const isWhole = status === 200 && document.root === type && method !== 'DELETE';
  if (!isPartial && !isWhole) throw fail(`an answer of another kind than <${type}>`);
  return { status, requestId, items: document.items, receivedAtMs, serverTimeMs };
}

/** Errors of credentials sources quote URLs and answers, which may hold a set of credentials. */
function withoutSecrets({ message }: Error): string {
  return message
    .replace(/\?\S*/g, '?…')
    .replace(
      /((?:secret|token|signature)\w{0,20}["']?\s{0,3}[:=]\s{0,3})(?:"[^"]*"?|'[^']*'?|[^\s,&}]+)/gi,
      '$1…',
    )
    .slice(0, maxMessageLength);
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
