import type { SandboxControl } from '../../src/sandbox/control/control.js';
import type { FeedMessage } from '../../src/sandbox/control/types.js';
import { storedDeadLetters, storedEvents, type NatsAccess } from './stored-messages.js';
import { until } from './until.js';
import { deletionBody, foreignBody, topicNotification } from './vod-messages.js';

/** The differences between the messages that were sent and those in the streams. */
export interface Audit {
  /** Events sent and not in the stream. */
  lost: string[];
  /** Events in the stream more than once. */
  sentTwice: string[];
  /** Events in the stream and never sent. */
  unexpected: string[];
  /** Bodies (Base64) that had to become dead letters and did not, byte for byte. */
  deadLettersLost: string[];
  deadLettersTwice: string[];
  deadLettersUnexpected: string[];
}

/** Nothing is wrong. */
export const balanced: Audit = {
  lost: [],
  sentTwice: [],
  unexpected: [],
  deadLettersLost: [],
  deadLettersTwice: [],
  deadLettersUnexpected: [],
};

/** Messages of known fate for one queue, and the account of what became of them. */
export class Ledger {
  readonly #control: SandboxControl;
  readonly #queue: string;
  readonly #name: string;
  readonly #events = new Set<string>();
  readonly #deadLetters = new Set<string>();
  #fed = 0;

  /** `name` tells the events of this ledger from those of others. */
  constructor(control: SandboxControl, queue: string, name: string) {
    this.#control = control;
    this.#queue = queue;
    this.#name = name;
  }

  /** Messages sent so far. */
  get fed(): number {
    return this.#fed;
  }

  /** Unique events sent so far. */
  get events(): number {
    return this.#events.size;
  }

  /**
   * Sends `count` messages of all kinds: events in every envelope, repeated, foreign, and such as are none.
   */
  async feed(count: number): Promise<string[]> {
    const messages = Array.from({ length: count }, () => this.#message(this.#fed++));
    return await this.#control.feed(this.#queue, messages);
  }

  /** Waits until the queue has no message left, visible or not. */
  async untilQueueIsEmpty(timeoutMs = 240_000): Promise<void> {
    const isEmpty = async (): Promise<boolean> => {
      const { queues } = await this.#control.state();
      const { active = 1, inactive = 1, delayed = 1 } = queues[this.#queue] ?? {};
      return active + inactive + delayed === 0;
    };
    await until(isEmpty, { what: `no message is left in ${this.#queue}`, timeoutMs, everyMs: 50 });
  }

  /** Compares what was sent with what the streams hold. */
  async audit(nats: NatsAccess): Promise<Audit> {
    const events = (await storedEvents(nats)).map(({ event }) => eventKey(event.type, event.data));
    const letters = (await storedDeadLetters(nats)).map(({ data }) => Buffer.from(data).toString('base64'));
    const [lost, sentTwice, unexpected] = compare(this.#events, events);
    const [deadLettersLost, deadLettersTwice, deadLettersUnexpected] = compare(this.#deadLetters, letters);
    return { lost, sentTwice, unexpected, deadLettersLost, deadLettersTwice, deadLettersUnexpected };
  }

  /** The kind follows from the number, so that every stretch of twenty messages has all kinds. */
  #message(number: number): FeedMessage {
    const mediaId = `${this.#name}-${number}`;
    const previous = `${this.#name}-${number - 1}`;
    switch (number % 20) {
      case 1:
        return this.#event(previous, 'success', (body) => body);
      case 3:
        return this.#event(previous, 'fail', (body) => body);
      case 5:
        return this.#event(mediaId, 'success', base64);
      case 7:
        return this.#event(mediaId, 'success', topicNotification);
      case 9:
        return this.#event(mediaId, 'success', (body) => topicNotification(base64(body)));
      case 11:
        this.#events.add(eventKey('com.aliyun.vod.TranscodeComplete', { VideoId: mediaId }));
        return { body: foreignBody({ VideoId: mediaId }) };
      case 13:
        return this.#deadLetter(Buffer.from(`{"MediaId":"${mediaId}`));
      case 15:
        return this.#deadLetter(Buffer.concat([Buffer.from(mediaId), Buffer.from([0xff, 0xfe, 0x80])]));
      default:
        return this.#event(mediaId, 'success', (body) => body);
    }
  }

  #event(mediaId: string, status: string, envelope: (body: string) => string): FeedMessage {
    this.#events.add(eventKey('com.aliyun.vod.DeleteMediaComplete', { mediaId, status }));
    return { body: envelope(deletionBody({ MediaId: mediaId, Status: status })) };
  }

  #deadLetter(bytes: Buffer): FeedMessage {
    const bodyBase64 = bytes.toString('base64');
    this.#deadLetters.add(bodyBase64);
    return { bodyBase64 };
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The key that tells the events of a ledger apart; not the event id, which is the relay's own work. */
function eventKey(type: string, data: Readonly<Record<string, unknown>>): string {
  return [type, data['mediaId'] ?? data['VideoId'], data['status'] ?? ''].map(String).join(' ');
}

/** @returns what is missing, there twice, and not wanted. */
function compare(wanted: ReadonlySet<string>, found: readonly string[]): [string[], string[], string[]] {
  const unique = new Set<string>();
  const twice: string[] = [];
  for (const key of found) {
    if (unique.has(key)) twice.push(key);
    unique.add(key);
  }
  const missing = [...wanted].filter((key) => !unique.has(key));
  return [missing, twice, [...unique].filter((key) => !wanted.has(key))];
}
