import { Pool, errors } from 'undici';
import type { Clock } from '../time.js';

/** One HTTP request to MNS. */
export interface MnsRequest {
  method: string;
  /** Path and query, exactly as signed. */
  resource: string;
  headers: Record<string, string | number>;
  body: string | Buffer;
  signal?: AbortSignal | undefined;
}

export interface MnsResponse {
  status: number;
  requestId: string | undefined;
  bytes: Buffer;
  /** Monotonic time at which the headers arrived: a lease counts from here, however slowly the body follows. */
  receivedAtMs: number;
}

export interface TransportOptions {
  endpoint: string;
  /** How long an answer may take to begin. Longer than the longest poll, which MNS ends after 30 s. */
  answerWithinMs: number;
  clock: Clock;
}

/** Sixteen bodies of 64 KB, each byte written as the longest entity there is. More than that is no answer of MNS. */
const maxAnswerBytes = 16 * 65_536 * 6 + 65_536;

/** Releasing everything in flight at a stop must not open a connection for each message. */
const maxConnections = 64;

/** How long the body may take once the headers are here, however steadily it drips. */
const bodyWithinMs = 15_000;

/** Keep-alive connections to one endpoint. */
export class MnsTransport {
  readonly #pool: Pool;
  readonly #clock: Clock;

  constructor({ endpoint, answerWithinMs, clock }: TransportOptions) {
    this.#clock = clock;
    this.#pool = new Pool(new URL(endpoint).origin, {
      headersTimeout: answerWithinMs,
      bodyTimeout: bodyWithinMs,
      connect: { timeout: 10_000 },
      connections: maxConnections,
      maxResponseSize: maxAnswerBytes,
    });
  }

  /** @throws whatever undici throws, or the signal's reason. */
  async send({ method, resource, headers, body, signal }: MnsRequest): Promise<MnsResponse> {
    const response = await this.#pool.request({
      method: method as 'GET',
      path: resource,
      headers: headers as Record<string, string>,
      body: body === '' ? null : body,
      // Without this, undici closes the connection after every DELETE that has a body: one TLS handshake a batch.
      reset: false,
      signal: signal ?? null,
    });
    const receivedAtMs = this.#clock.monotonicMs();
    const tooSlow = this.#clock.after(bodyWithinMs, () => response.body.destroy(new errors.BodyTimeoutError()));
    try {
      const bytes = Buffer.from(await response.body.arrayBuffer());
      const requestId = response.headers['x-mns-request-id'];
      return {
        status: response.statusCode,
        requestId: typeof requestId === 'string' ? requestId : undefined,
        bytes,
        receivedAtMs,
      };
    } finally {
      tooSlow();
    }
  }

  /** Ends every connection, also those with a request on them. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Whether the request ran into one of our own time limits. */
export function isTimeout(error: unknown): boolean {
  return (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  );
}
