import type { NatsConnection } from 'nats';
import { streamNames } from '../../event/layout.js';
import { Recurring, retryUntilDone, type Clock } from '../../time.js';
import { reasonOf } from '../words.js';
import { StreamDeclaration } from './declaration.js';
import { declarePermitStream, jetStreamManager, stream, windowOf } from './topology.js';
import type { TopologyEvents } from './topology-events.js';

export interface StreamsOptions {
  connection: NatsConnection;
  clock: Clock;
  events: TopologyEvents;
  prefix: string;
  /** False: the streams are someone else's, and neither read nor changed. */
  manageStreams: boolean;
  streamReplicas: number;
  retention: { eventsMs: number; followUpsMs: number; deadLettersMs: number };
  /** Aborted: nothing is declared any more. */
  closed: AbortSignal;
}

type Kind = 'events' | 'deadLetters' | 'followUps';

const windowBackOff = { baseMs: 500, maxMs: 5_000 };
/**
 * A window that another replica has shortened, from what it had read before, is lengthened again after this.
 */
const lookSoonMs = 10_000;
const lookEveryMs = 600_000;

/**
 * The streams of a worker. Each half waits for what it cannot be without, and each stream is declared by
 * itself.
 */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #declarations: Readonly<Record<Kind, StreamDeclaration>>;
  /** Whether the windows of the follow-up half are to be as long as that of the events. */
  #isFollowing = false;
  readonly #looks: Recurring;

  constructor(options: StreamsOptions) {
    this.#options = options;
    const { prefix, streamReplicas: replicas, retention } = options;
    const declaration = (kind: Kind, ageMs: number): StreamDeclaration =>
      new StreamDeclaration({
        ...options,
        wanted: (horizonMs) => stream(prefix, kind, ageMs, horizonMs, replicas),
      });
    this.#declarations = {
      events: declaration('events', retention.eventsMs),
      deadLetters: declaration('deadLetters', retention.deadLettersMs),
      followUps: declaration('followUps', retention.followUpsMs),
    };
    const { clock, closed: signal } = options;
    this.#looks = new Recurring({
      clock,
      everyMs: lookEveryMs,
      signal,
      work: () => {
        this.#lookAgain();
        return Promise.resolve();
      },
    });
  }

  /**
   * Makes sure of what the relay needs. Gives up when `signal` is aborted; dead letters are not waited for.
   */
  async ensureForRelay(horizonMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#options.manageStreams) return;
    await this.#ensure(['events'], horizonMs, signal);
  }

  /**
   * Makes sure of what the follow-up half needs. With the horizon `auto` its streams remember ids for as long
   * as the events do, which only the relay can know; without events yet, for four days, the usual retention
   * of a queue.
   */
  async ensureForFollowUp(horizonMs: number | 'auto', signal: AbortSignal): Promise<void> {
    if (!this.#options.manageStreams) return;
    this.#isFollowing = horizonMs === 'auto';
    const wantedMs = horizonMs === 'auto' ? await this.#eventsWindowMs(signal) : horizonMs;
    if (wantedMs === undefined) return;
    // Whoever takes permits makes sure of their stream, and says what is wrong.
    const permits = this.declarePermits().catch(() => undefined);
    await Promise.all([this.#ensure(['events', 'followUps'], wantedMs, signal), permits]);
  }

  /** A stream is gone, or takes nothing: makes sure of it once more if it was before. */
  async declareAgain(name: string): Promise<void> {
    const names = streamNames(this.#options.prefix);
    const kind = (Object.keys(this.#declarations) as Kind[]).find((each) => names[each] === name);
    if (kind) await this.#declarations[kind].again();
  }

  /** @throws NatsError when NATS does not answer or refuses. */
  async declarePermits(): Promise<void> {
    const { connection, prefix, streamReplicas: replicas, manageStreams, events } = this.#options;
    if (!manageStreams) return;
    await declarePermitStream(await jetStreamManager(connection), { prefix, replicas }, events);
  }

  async #ensure(kinds: Kind[], horizonMs: number, signal: AbortSignal): Promise<void> {
    const needed = kinds.map((kind) => this.#declarations[kind].ensure(horizonMs));
    needed.push(this.#declarations.deadLetters.attempt(horizonMs));
    await untilAborted(Promise.all(needed), signal);
    this.lookSoon();
  }

  /** The server may be another, or have read an older state of its streams. */
  lookSoon(): void {
    this.#looks.within(lookSoonMs);
  }

  /** Streams that are there may have changed as well, and the window that the follow-up half goes by. */
  #lookAgain(): void {
    // Not waited for: one that cannot be declared would end the looks at the others.
    for (const declaration of Object.values(this.#declarations)) void declaration.again();
    if (this.#isFollowing) void this.ensureForFollowUp('auto', this.#options.closed);
  }

  async #eventsWindowMs(signal: AbortSignal): Promise<number | undefined> {
    const { connection, clock, events, prefix } = this.#options;
    const name = streamNames(prefix).events;
    // A stream that somebody has deleted is made again as it was.
    return await retryUntilDone(() => windowOf(connection, name, this.#declarations.events.wantedMs), {
      clock,
      backOff: windowBackOff,
      signal,
      onFailure: (error, retryInMs) => {
        events.declareFailed(name, reasonOf(error), retryInMs);
      },
    });
  }
}

/** Another declaration may take for ever. */
async function untilAborted(done: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    void done.then(end);
  });
}
