/** One half of the worker, from its start to its end. `runWorker` drives both in the same way. */
export interface Half {
  /** Starts the work. Resolves when all of it is under way, or the stop came first. */
  start(): Promise<void>;
  /** The work that is begun and not yet settled. */
  readonly inFlight: number;
  /** Call after the stop. Resolves when nothing new can begin any more. */
  stopped(): Promise<void>;
  /** Resolves when nothing is in flight. */
  drained(): Promise<void>;
  /** Gives back what is in flight, so that another replica gets it at once. */
  release(): void;
  /** Lets go of what is in flight, without a further word to its source. */
  abandon(): void;
  /** Ends what is left of connections of its own. */
  close(): Promise<void>;
}
