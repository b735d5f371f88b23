/** One message of a stream, handed out to be worked on. */
export interface Job {
  readonly subject: string;
  /** The first value of each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** As stored, byte for byte. */
  readonly data: Uint8Array;
  /** When the stream stored it, epoch milliseconds. */
  readonly storedAtMs: number;
  readonly streamSeq: number;
  /** Deliveries of this message so far, from 1. */
  readonly deliveries: number;
  /** Nobody can have had it before. False where that is not sure: after a crash, or a consumer made again. */
  readonly isNew: boolean;
  /** It is this late at least by the clock of NATS, epoch milliseconds. */
  serverNowMs(): Promise<number>;
  /** Done for good. @returns false when the server has not confirmed it: it may be handed out again. */
  ack(): Promise<boolean>;
  /** Handed out again after this long. */
  redeliver(delayMs: number): void;
  /** It is done but for what cannot be stored: another is begun in its place, while it is kept as before. */
  setAside(): void;
}

/** How much of the queue is not done. */
export interface Backlog {
  waiting: number;
  /**
   * How long ago the oldest message that is not done was stored, by the clock of NATS if it tells; 0 when all
   * are done.
   */
  ageMs: number;
}
