import type { NatsConnection, PublishOptions } from 'nats';

/**
 * Written into the connection and perhaps not taken by the server yet, at most: the library buffers without a
 * bound.
 */
const maxUntakenBytes = 8 * 1_048_576;
/** A flush is begun once this much is written after the one before. */
const flushEveryBytes = 512 * 1_024;

/** Writes into one connection, no more than it takes, and knows what the server has taken. */
export class Outlet {
  readonly #connection: NatsConnection;
  readonly #onTaken: () => void;
  #writes = 0;
  #taken = 0;
  #untakenBytes = 0;
  #isFlushing = false;
  /** Changes with each connection: a flush of the one before says nothing any more. */
  #connections = 0;

  /** `onTaken` is called when there is room again after `isFull`. */
  constructor(connection: NatsConnection, onTaken: () => void) {
    this.#connection = connection;
    this.#onTaken = onTaken;
  }

  /** Nothing is to be written until the connection has taken what it has. */
  get isFull(): boolean {
    return this.#untakenBytes >= maxUntakenBytes;
  }

  /** @returns the number of the write, for `hasTaken`. @throws whatever the library throws. */
  write(subject: string, body: Uint8Array, options: PublishOptions): number {
    this.#connection.publish(subject, body, options);
    this.#untakenBytes += body.length;
    const written = ++this.#writes;
    if (this.#untakenBytes >= flushEveryBytes) this.#flush();
    return written;
  }

  /** Whether the server has taken a write. Asks it when that is not known. */
  hasTaken(write: number): boolean {
    if (write <= this.#taken) return true;
    this.#flush();
    return false;
  }

  /** The connection is another one: what was written into the one before is gone. */
  reset(): void {
    this.#connections++;
    this.#isFlushing = false;
    this.#taken = this.#writes;
    this.#untakenBytes = 0;
  }

  #flush(): void {
    if (this.#isFlushing || this.#connection.isClosed()) return;
    this.#isFlushing = true;
    const connections = this.#connections;
    const [writes, bytes] = [this.#writes, this.#untakenBytes];
    this.#connection.flush().then(
      () => {
        if (connections !== this.#connections) return;
        const wasFull = this.isFull;
        this.#isFlushing = false;
        this.#taken = writes;
        this.#untakenBytes -= bytes;
        if (this.#untakenBytes >= flushEveryBytes) this.#flush();
        if (wasFull) this.#onTaken();
      },
      () => {
        // The connection broke: `reset` follows.
        if (connections === this.#connections) this.#isFlushing = false;
      },
    );
  }
}
