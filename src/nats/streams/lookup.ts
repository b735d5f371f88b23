import { firstMessageId } from '../publish/message-id.js';
import { replayHeaders, type ReplayMark } from '../publish/publication.js';
import type { StoredMessage, StreamReader } from './reader.js';

/** The replay and item that stored a message; undefined for what no replay stored. */
export type StoredBy = ReplayMark | undefined;

/** Where a stream has a message, and who stored it. */
export interface Found {
  readonly seq: number;
  readonly by: StoredBy;
}

/** From this length on a walk over a subject is remembered, so that the next one goes on where it ended. */
const longWalk = 16;
/** Ids remembered, over all subjects. */
const maxRemembered = 100_000;

interface Walk {
  nextSeq: number;
  found: Map<string, Found>;
}

/**
 * Asks a stream whether it has a message id, or one of those that `nextMessageId` makes of it, by walking
 * over the subject that only this id's event can be on. The dedupe memory of the stream does not matter: it
 * may be shorter than the stream, and longer than what it holds.
 */
export class StreamLookup {
  readonly #reader: Pick<StreamReader, 'get' | 'nextOnSubject'>;
  readonly #stream: string;
  readonly #walks = new Map<string, Walk>();
  /** The last look-up of each subject under way: two at a time would walk twice. */
  readonly #lines = new Map<string, Promise<unknown>>();
  #remembered = 0;

  constructor(reader: Pick<StreamReader, 'get' | 'nextOnSubject'>, stream: string) {
    this.#reader = reader;
    this.#stream = stream;
  }

  /** @returns undefined when the stream does not have it. */
  async find(subject: string, msgId: string, signal: AbortSignal): Promise<Found | undefined> {
    const id = firstMessageId(msgId);
    const before = this.#lines.get(subject) ?? Promise.resolve();
    const found = before.then(
      () => this.#find(subject, id, signal),
      () => this.#find(subject, id, signal),
    );
    this.#lines.set(subject, found);
    try {
      return await found;
    } finally {
      if (this.#lines.get(subject) === found) this.#lines.delete(subject);
    }
  }

  async #find(subject: string, id: string, signal: AbortSignal): Promise<Found | undefined> {
    const walk = this.#walks.get(subject) ?? { nextSeq: 1, found: new Map<string, Found>() };
    const rememberedBefore = this.#walks.has(subject) ? walk.found.size : 0;
    await this.#forgetRemoved(walk, id, signal);
    while (!walk.found.has(id)) {
      const message = await this.#reader.nextOnSubject(this.#stream, walk.nextSeq, subject, signal);
      if (!message) break;
      walk.nextSeq = message.seq + 1;
      walk.found.set(idOf(message), { seq: message.seq, by: storedBy(message) });
    }
    if (walk.found.size >= longWalk) this.#remember(subject, walk, rememberedBefore);
    return walk.found.get(id);
  }

  /** A message that was there at the last walk may have been removed since. */
  async #forgetRemoved({ found }: Walk, id: string, signal: AbortSignal): Promise<void> {
    const seq = found.get(id)?.seq;
    if (seq === undefined) return;
    const message = await this.#reader.get(this.#stream, seq, signal);
    if (!message || idOf(message) !== id) found.delete(id);
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

function idOf({ headers }: StoredMessage): string {
  return firstMessageId(headers['Nats-Msg-Id'] ?? '');
}

/** Reads the mark that a replay leaves on what it sends. */
export function storedBy({ headers }: StoredMessage): StoredBy {
  const replayId = headers[replayHeaders.id];
  return replayId === undefined ? undefined : { replayId, item: headers[replayHeaders.item] ?? '' };
}
