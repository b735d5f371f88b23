/** Whether what is received can be stored. */
export interface StoreGate {
  readonly isOpen: boolean;
  /** Waits for leave to receive up to `max` messages, or until the signal is aborted. */
  admit(max: number, signal: AbortSignal): Promise<Admission>;
}

/**
 * Leave to receive up to `limit` messages; 0 only after an abort. `done` is called once it is known how many
 * came.
 */
export interface Admission {
  readonly limit: number;
  /** Nothing is known to be stored yet: another queue may have the one message that is to show it. */
  readonly isProbe: boolean;
  done(received: number): void;
}

/** The reports of a receiver; each is one event for the operator. */
export interface ReceiverEvents {
  /** A poll was answered. Without messages (0 and Infinity) the queue is empty. */
  received(queue: string, messages: number, oldestEnqueuedAtMs: number): void;
  receiveFailed(queue: string, error: unknown, retryInMs: number): void;
  receiveRecovered(queue: string, failures: number): void;
  /** An empty answer came much sooner than the poll was to last: MNS's cap on concurrent long polls. */
  pollEndedEarly(queue: string, retryInMs: number): void;
  ackFailed(queue: string, error: unknown, messages: number): void;
}
