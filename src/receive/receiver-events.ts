/** Whether what is received can be stored. Receiving waits while it is closed. */
export interface StoreGate {
  readonly isOpen: boolean;
  /** Resolves when the gate is open or the signal is aborted. */
  whenOpen(signal: AbortSignal): Promise<void>;
  /** Calls `listener` each time the gate closes. */
  onClose(listener: () => void): void;
}

/** What a receiver reports; each is one event for the operator. */
export interface ReceiverEvents {
  /** A poll was answered. Without messages (0 and Infinity) the queue is empty. */
  received(queue: string, messages: number, oldestEnqueuedAtMs: number): void;
  receiveFailed(queue: string, error: unknown, retryInMs: number): void;
  receiveRecovered(queue: string, failures: number): void;
  /** An empty answer came much sooner than the poll was to last: MNS's cap on concurrent long polls. */
  pollEndedEarly(queue: string, retryInMs: number): void;
  ackFailed(queue: string, error: unknown, messages: number): void;
}
