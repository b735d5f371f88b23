import { ErrorCode, DiscardPolicy, type NatsConnection } from 'nats';
import { isClientError } from '../error-codes.js';
import { backOffMs, sleep, type Clock } from '../../time.js';
import type { StoreGate } from './store-gate.js';
import type { Asking } from './lane.js';
import { findStream, jetStreamManager } from '../streams/topology.js';

export interface StoreProbeOptions {
  connection: NatsConnection;
  clock: Clock;
  gate: StoreGate;
  /** Whose state tells whether a message can be stored. */
  stream: string;
  /** The state of the pending publications of the stream: unanswered ones need no message as a probe. */
  asking: () => Asking;
  /** There is no such stream. */
  onMissing: () => void;
  /** By the state of the stream it stores; the first message will show. */
  onReady: () => void;
}

const backOff = { baseMs: 500, maxMs: 15_000 };
/** Let through at once while nothing shows that any is refused; after these the gate is opened. */
const mostAtOnce = 32;
/** A gate that has been open for this long is opened wide, however little came. */
const widenAfterMs = 5_000;

/**
 * Finds out when a closed gate can be opened: looks at the state of the stream first, which costs no
 * delivery, and then lets one message through, with growing pauses.
 */
export class StoreProbe {
  readonly #options: StoreProbeOptions;
  #closed = new AbortController();
  #isConnected = true;
  #isRunning = false;
  /** To let through next. */
  #messages = 1;
  #wake = new AbortController();
  #cancelWidening: () => void = () => undefined;

  constructor(options: StoreProbeOptions) {
    this.#options = options;
  }

  /** The gate opened or closed. */
  changed(): void {
    const { clock, gate } = this.#options;
    this.#cancelWidening();
    if (gate.isOpen) {
      this.#cancelWidening = clock.after(widenAfterMs, () => {
        if (gate.isOpen) gate.open();
      });
    } else void this.#run();
  }

  disconnected(): void {
    this.#isConnected = false;
  }

  reconnected(): void {
    this.#isConnected = true;
    this.#wake.abort();
  }

  close(): void {
    this.#closed.abort();
    this.#cancelWidening();
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { gate, clock } = this.#options;
    const { signal } = this.#closed;
    this.#messages = 1;
    for (let looks = 1; !gate.isOpen && !signal.aborted; looks++) {
      this.#wake = new AbortController();
      if (!this.#mayLook || (await this.#lookOnce())) looks = 0;
      if (!gate.isOpen) await sleep(clock, backOffMs(backOff, Math.max(1, looks)), this.#wake.signal);
    }
    this.#isRunning = false;
  }

  get #mayLook(): boolean {
    return this.#isConnected && !this.#options.gate.isLocked && this.#options.asking() !== 'unanswered';
  }

  /**
   * Looks, and lets one message through when nothing speaks against it. What ends in another way than in this
   * stream, as a dead letter does, shows nothing: twice as many are let through then, until the gate is
   * opened.
   * @returns whether all that was let through before has ended without a refusal.
   */
  async #lookOnce(): Promise<boolean> {
    const { gate, asking, onReady } = this.#options;
    const { fault, isKnown } = await this.#look();
    if (gate.isOpen || !this.#mayLook || this.#closed.signal.aborted) return false;
    const isClear = fault === undefined && isKnown && asking() === 'nothing' && gate.isIdle;
    if (!isClear) this.#messages = 1;
    if (fault !== undefined) {
      gate.close(fault);
      return false;
    }
    if (this.#messages > mostAtOnce) {
      gate.open();
      return false;
    }
    gate.probe(this.#messages);
    if (isClear) this.#messages *= 2;
    if (isKnown) onReady();
    return isClear;
  }

  /** Why the stream can store nothing, as far as its state tells. */
  async #look(): Promise<{ fault?: string; isKnown: boolean }> {
    const { connection, stream, onMissing } = this.#options;
    try {
      const found = await findStream(await jetStreamManager(connection), stream);
      if (!found) {
        onMissing();
        return { fault: `there is no stream ${stream}`, isKnown: true };
      }
      const { config, state, cluster } = found;
      const isFull =
        (config.max_msgs > 0 && state.messages >= config.max_msgs) ||
        (config.max_bytes > 0 && state.bytes >= config.max_bytes);
      if (config.sealed) return { fault: `the stream ${stream} is sealed`, isKnown: true };
      if (config.discard === DiscardPolicy.New && isFull)
        return { fault: `the stream ${stream} is full, and discards what is new`, isKnown: true };
      if (cluster && !cluster.leader) return { fault: `the stream ${stream} has no leader`, isKnown: true };
      return { isKnown: true };
    } catch (error) {
      // Without an answer only a message can tell; nor does the state say more to an account that may not see
      // it.
      if (isClientError(error, ErrorCode.NoResponders))
        return { fault: 'JetStream does not answer', isKnown: true };
      return { isKnown: isClientError(error, ErrorCode.PermissionsViolation) };
    }
  }
}
