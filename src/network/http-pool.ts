import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { untilAborted, type Clock } from '../time.js';
import { dial } from './dial.js';

export interface HttpPoolOptions {
  /** `https://<host>[:<port>]`, or the same with `http`. */
  origin: string;
  connections: number;
  /** An answer with a longer body fails. */
  maxAnswerBytes: number;
  /** How long the body may pause; 0: for as long as it likes. */
  bodyWithinMs: number;
  clock: Clock;
}

/** How long a connection may take to come about, and as long again for its TLS handshake. */
const connectWithinMs = 10_000;

/** Keep-alive connections to one origin. */
export class HttpPool {
  readonly #pool: Pool;
  readonly #closing = new AbortController();
  /** Of these, TLS is not ready yet. */
  readonly #handshakes = new Set<Socket>();

  constructor({ origin, connections, maxAnswerBytes, bodyWithinMs, clock }: HttpPoolOptions) {
    // Each attempt at a connection listens.
    setMaxListeners(0, this.#closing.signal);
    const secure = buildConnector({ timeout: connectWithinMs });
    const connect = (options: buildConnector.Options, done: buildConnector.Callback): void => {
      const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80));
      const { signal } = this.#closing;
      dial(options.hostname, port, { clock, withinMs: connectWithinMs, signal }).then(
        (socket) => {
          if (options.protocol !== 'https:') {
            done(null, socket.setKeepAlive(true, 60_000).setNoDelay(true));
            return;
          }
          this.#handshakes.add(socket);
          secure({ ...options, httpSocket: socket }, (...result) => {
            this.#handshakes.delete(socket);
            if (result[0]) socket.destroy();
            done(...result);
          });
        },
        (error: unknown) => {
          done(error as Error, null);
        },
      );
    };
    this.#pool = new Pool(origin, {
      connections,
      maxResponseSize: maxAnswerBytes,
      bodyTimeout: bodyWithinMs,
      connect,
    });
  }

  /**
   * @throws whatever undici throws, a DialError, or at once the signal's reason: undici looks at its signal
   * only when it is connected.
   */
  async request(
    options: Omit<Dispatcher.RequestOptions, 'signal'>,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    signal?.throwIfAborted();
    // Without `reset: false`, undici closes the connection after every DELETE that has a body.
    const answer = this.#pool.request({ ...options, reset: false, signal: signal ?? null });
    return signal ? await untilAborted(answer, signal) : await answer;
  }

  /** Ends every connection, also those with a request on them, and every attempt at one. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the connection is closed'));
    for (const socket of this.#handshakes) socket.destroy();
    await this.#pool.destroy();
  }
}
