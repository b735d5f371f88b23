import { errors } from 'undici';
import { DialError } from '../network/dial.js';
import { HttpPool } from '../network/http-pool.js';
import type { Clock } from '../time.js';

/** One HTTP request to MNS. */
export interface MnsRequest {
  method: string;
  /** Path and query, exactly as signed. */
  resource: string;
  headers: Record<string, string | number>;
  body: string | Buffer;
  /** How long the answer may take to begin. */
  answerWithinMs: number;
  /** Waited for before the body of an answer of status 200 is read. */
  beforeBody?: BeforeBody | undefined;
  signal?: AbortSignal | undefined;
}

/** Told how long the body is. The signal is aborted when it cannot be read any more. */
export type BeforeBody = (bytes: number, signal: AbortSignal) => Promise<void>;

export interface MnsResponse {
  status: number;
  requestId: string | undefined;
  /** The clock of the server when it answered, to the second; epoch milliseconds. */
  serverTimeMs: number | undefined;
  bytes: Buffer;
  /**
   * Monotonic time at which the headers arrived: a lease counts from here, however slowly the body follows.
   */
  receivedAtMs: number;
}

export interface TransportOptions {
  endpoint: string;
  clock: Clock;
  /** How long the body may take once the headers are here, however steadily it drips; default 15 s. */
  bodyWithinMs?: number | undefined;
}

/**
 * Sixteen bodies of 64 KB, each byte written as the longest entity there is. More than that is no answer of
 * MNS.
 */
const maxAnswerBytes = 16 * 65_536 * 6 + 65_536;

/** Of an answer that does not tell: sixteen bodies of 64 KB. */
const usualAnswerBytes = 16 * 65_536;
const noRoom = 'there was no room in memory to read the answer: too much in flight is not stored yet';

/**
 * Room for 64 polls, the most a queue may be given, and as much for renewals and deletes, which must not wait
 * for a poll to end. Bounded, because releasing everything in flight at a stop must not open a connection for
 * each message.
 */
const maxConnections = 128;

/** Keep-alive connections to one endpoint. */
export class MnsTransport {
  readonly #pool: HttpPool;
  readonly #clock: Clock;
  readonly #bodyWithinMs: number;

  constructor({ endpoint, clock, bodyWithinMs = 15_000 }: TransportOptions) {
    this.#clock = clock;
    this.#bodyWithinMs = bodyWithinMs;
    this.#pool = new HttpPool({
      origin: new URL(endpoint).origin,
      connections: maxConnections,
      maxAnswerBytes,
      bodyWithinMs,
      clock,
    });
  }

  /** @throws as `HttpPool.request`. */
  async send(request: MnsRequest): Promise<MnsResponse> {
    const { method, resource, headers, body, answerWithinMs, beforeBody, signal } = request;
    const response = await this.#pool.request(
      {
        method,
        path: resource,
        headers: headers as Record<string, string>,
        body: body === '' ? null : body,
        headersTimeout: answerWithinMs,
      },
      signal,
    );
    const receivedAtMs = this.#clock.monotonicMs();
    let isRead = false;
    const tooSlow = this.#clock.after(this.#bodyWithinMs, () =>
      response.body.destroy(new errors.BodyTimeoutError(isRead ? undefined : noRoom)),
    );
    try {
      if (beforeBody && response.statusCode === 200) {
        const gone = new AbortController();
        response.body.on('error', () => {
          gone.abort();
        });
        await beforeBody(Number(response.headers['content-length'] ?? usualAnswerBytes), gone.signal);
      }
      isRead = true;
      const bytes = Buffer.from(await response.body.arrayBuffer());
      const requestId = response.headers['x-mns-request-id'];
      return {
        status: response.statusCode,
        requestId: typeof requestId === 'string' ? requestId : undefined,
        serverTimeMs: timeOf(response.headers['date']),
        bytes,
        receivedAtMs,
      };
    } finally {
      tooSlow();
    }
  }

  /** Ends every connection, also those with a request on them. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}

function timeOf(date: string | string[] | undefined): number | undefined {
  const timeMs = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Whether the request ran into one of our own time limits. */
export function isTimeout(error: unknown): boolean {
  return (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError ||
    (error instanceof DialError && error.code === 'ETIMEDOUT')
  );
}
