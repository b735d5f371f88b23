import { replayHeaders, type ReplayMark } from '../publish/publication.js';
import type { StoredMessage, StreamReader } from '../publish/stream-reader.js';

/** The replay and item that stored a message; undefined for what no replay stored. */
export type StoredBy = ReplayMark | undefined;

/** From this length on a walk over a subject is remembered, so that the next one goes on where it ended. */
const longWalk = 16;
/** Ids remembered, over all subjects. */
const maxRemembered = 100_000;

interface Walk {
  nextSeq: number;
  found: Map<string, StoredBy>;
}

/**
 * Asks a stream whether it has a message id, by walking over the subject that only this id's event can be on. The
 * dedupe memory of the stream does not matter: it may be shorter than the stream.
 */
export class StreamLookup {
  readonly #reader: Pick<StreamReader, 'nextOnSubject'>;
  readonly #stream: string;
  readonly #walks = new Map<string, Walk>();
  /** The last look-up of each subject under way: two at a time would walk twice. */
  readonly #lines = new Map<string, Promise<unknown>>();
  #remembered = 0;

  constructor(reader: Pick<StreamReader, 'nextOnSubject'>, stream: string) {
    this.#reader = reader;
    this.#stream = stream;
  }

  /** @returns who stored it; undefined when the stream does not have it. */
  async find(subject: string, msgId: string, signal: AbortSignal): Promise<{ by: StoredBy } | undefined> {
    const before = this.#lines.get(subject) ?? Promise.resolve();
    const found = before.then(
      () => this.#find(subject, msgId, signal),
      () => this.#find(subject, msgId, signal),
    );
    this.#lines.set(subject, found);
    try {
      return await found;
    } finally {
      if (this.#lines.get(subject) === found) this.#lines.delete(subject);
    }
  }

  async #find(subject: string, msgId: string, signal: AbortSignal): Promise<{ by: StoredBy } | undefined> {
    const walk = this.#walks.get(subject) ?? { nextSeq: 1, found: new Map<string, StoredBy>() };
    const rememberedBefore = this.#walks.has(subject) ? walk.found.size : 0;
    while (!walk.found.has(msgId)) {
      const message = await this.#reader.nextOnSubject(this.#stream, walk.nextSeq, subject, signal);
      if (!message) break;
      walk.nextSeq = message.seq + 1;
      walk.found.set(message.headers['Nats-Msg-Id'] ?? '', storedBy(message));
    }
    if (walk.found.size >= longWalk) this.#remember(subject, walk, rememberedBefore);
    return walk.found.has(msgId) ? { by: walk.found.get(msgId) } : undefined;
  }

  #remember(subject: string, walk: Walk, rememberedBefore: number): void {
    this.#remembered += walk.found.size - rememberedBefore;
    this.#walks.delete(subject);
    for (const [oldest, { found }] of this.#walks) {
      if (this.#remembered <= maxRemembered) break;
      this.#walks.delete(oldest);
      this.#remembered -= found.size;
    }
    this.#walks.set(subject, walk);
  }
}

/** Reads the mark that a replay leaves on what it sends. */
export function storedBy({ headers }: StoredMessage): StoredBy {
  const replayId = headers[replayHeaders.id];
  return replayId === undefined ? undefined : { replayId, item: headers[replayHeaders.item] ?? '' };
}
