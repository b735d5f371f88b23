import type { MnsClient, MnsAnswer } from './mns-client.js';
import { MnsError, isHandleGone, ownCodes } from './mns-error.js';
import type { BeforeBody } from './mns-transport.js';
import type { MessageDamage, MnsItem } from './mns-xml.js';

/** One message as the queue handed it out. Times are epoch milliseconds. */
export interface ReceivedMessage {
  /** Empty when it cannot be read, which is damage. */
  messageId: string;
  /** The body's text; with `bodyBytes` or `damaged` it is not the text that was sent. */
  body: string;
  /** The body as bytes, when these are not UTF-8. */
  bodyBytes?: Buffer;
  /** The body holds what XML cannot carry; `body` is then the XML text as received. */
  damaged: boolean;
  /** The message holds what it must not elsewhere than in its body. */
  damage?: MessageDamage;
  /** Which delivery this is, from 1 (`DequeueCount`). */
  attempt: number;
  /** The time of the answer when the message does not tell. */
  enqueuedAtMs: number;
  /** User and system properties, `traceparent` among them. */
  properties: Readonly<Record<string, string>>;
}

/** A message with the handle that its lease is about to own. */
export interface Delivery {
  message: ReceivedMessage;
  /** Empty when it cannot be read: the message can be neither renewed nor deleted. */
  receiptHandle: string;
  /** Monotonic time from which the visibility timeout counts. */
  receivedAtMs: number;
  /** The visibility timeout as this delivery shows it, or else as it was known last. */
  visibilityMs: number | undefined;
}

export interface QueueAttributes {
  visibilityMs: number;
  retentionMs: number;
  /** How long a message that is sent without a delay of its own is hidden. */
  delayMs: number;
  /** Undefined when MNS does not tell. */
  maximumMessageBytes: number | undefined;
  /** `normal`, `fifo` or a word for what is neither; undefined when MNS does not tell. */
  type: string | undefined;
  /**
   * Where messages go after how many receives; undefined when MNS does not tell: the API for management does.
   */
  deadLetter: DeadLetterPolicy | 'none' | undefined;
  /** The clock of MNS, to the second; epoch milliseconds. */
  serverTimeMs: number | undefined;
}

export interface DeadLetterPolicy {
  queue: string;
  /** A message that was received more often is moved. */
  maxReceiveCount: number;
}

/** The last millisecond that RFC 3339 can write. */
const latestTimeMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** The longest visibility timeout there is. */
const longestVisibilityMs = 43_200_000;
const mostAttempts = 1_000_000;

/** Why one handle of a batch delete is not deleted. */
export type DeleteFailure = 'handle-gone' | 'try-again';

/** Called for each time or count of a message that is no number or out of bounds, and is left out. */
export type OutOfBounds = (field: string, messageId: string) => void;

/** The operations of one MNS queue that a relay needs. Every failure is an MnsError. */
export class Queue {
  /** Its name in reports. */
  readonly name: string;
  readonly #queue: string;
  readonly #client: MnsClient;
  readonly #onOutOfBounds: OutOfBounds;
  #visibilityMs: number | undefined;

  /** `name` is for reports, where the queue's own would not tell it from another. */
  constructor(queue: string, client: MnsClient, name = queue, onOutOfBounds: OutOfBounds = () => undefined) {
    this.name = name;
    this.#onOutOfBounds = onOutOfBounds;
    this.#queue = queue;
    this.#client = client;
  }

  /** Waits up to `waitSeconds` (0 to 30) for at least one message; an empty list when none came. */
  async receive(
    max: number,
    waitSeconds: number,
    signal: AbortSignal,
    beforeBody?: BeforeBody,
  ): Promise<Delivery[]> {
    let answer: MnsAnswer;
    try {
      answer = await this.#client.batchReceiveMessage(this.#queue, max, waitSeconds, signal, beforeBody);
    } catch (error) {
      if (error instanceof MnsError && error.code === 'MessageNotExist') return [];
      throw error;
    }
    return answer.items.map((item) => this.#toDelivery(item, answer));
  }

  /**
   * Deletes up to 16 messages.
   * @returns the handles that are not deleted; all others are.
   */
  async delete(receiptHandles: readonly string[]): Promise<Map<string, DeleteFailure>> {
    const failures = new Map<string, DeleteFailure>();
    let answer: MnsAnswer;
    try {
      answer = await this.#client.batchDeleteMessage(this.#queue, receiptHandles);
    } catch (error) {
      if (!(error instanceof MnsError && error.isHandleGone)) throw error;
      for (const handle of receiptHandles) failures.set(handle, 'handle-gone');
      return failures;
    }
    for (const { fields } of answer.items) {
      const handle = fields['ReceiptHandle'];
      const code = fields['ErrorCode'];
      if (handle === undefined || code === undefined || !receiptHandles.includes(handle)) {
        throw this.#unexpected(
          'BatchDeleteMessage',
          'an <Errors> entry that names none of the handles',
          answer,
        );
      }
      failures.set(handle, isHandleGone(code) ? 'handle-gone' : 'try-again');
    }
    return failures;
  }

  /** Hides the message for `seconds` (1 to 43200) from now. @returns the handle that replaces the old one. */
  async changeVisibility(receiptHandle: string, seconds: number): Promise<string> {
    const answer = await this.#client.changeMessageVisibility(this.#queue, receiptHandle, seconds);
    const handle = answer.items[0]?.fields['ReceiptHandle'];
    if (!handle)
      throw this.#unexpected('ChangeMessageVisibility', 'an answer without a receipt handle', answer);
    return handle;
  }

  async attributes(signal: AbortSignal): Promise<QueueAttributes> {
    const answer = await this.#client.getQueueAttributes(this.#queue, signal);
    const fields = answer.items[0]?.fields ?? {};
    const seconds = (field: string): number => {
      const value = Number(fields[field]);
      if (value > 0) return value * 1000;
      throw this.#unexpected('GetQueueAttributes', `an answer without ${field}`, answer);
    };
    this.#visibilityMs = seconds('VisibilityTimeout');
    return {
      visibilityMs: this.#visibilityMs,
      retentionMs: seconds('MessageRetentionPeriod'),
      delayMs: (Number(fields['DelaySeconds']) || 0) * 1000,
      maximumMessageBytes: Number(fields['MaximumMessageSize']) || undefined,
      type: typeOf(fields),
      deadLetter: deadLetterOf(fields),
      serverTimeMs: answer.serverTimeMs,
    };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #toDelivery(item: MnsItem, answer: MnsAnswer): Delivery {
    const { fields, damage } = item;
    const { MessageId: messageId = '', ReceiptHandle: receiptHandle = '' } = fields;
    /** The times and counts of a message are bounded. */
    const number = (field: string, most = latestTimeMs): number => {
      const text = fields[field];
      if (text === undefined) return 0;
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Infinity;
      if (value <= most) return value;
      this.#onOutOfBounds(field, messageId);
      return 0;
    };
    const attempt = number('DequeueCount', mostAttempts) || 1;
    // Only on the first delivery are both times of the same moment, so that their difference is the timeout.
    const visibleAfterMs = number('NextVisibleTime') - number('FirstDequeueTime');
    const isVisibility = attempt === 1 && visibleAfterMs > 0 && visibleAfterMs <= longestVisibilityMs;
    if (isVisibility) this.#visibilityMs = visibleAfterMs;
    return {
      message: withHeldBody({
        messageId,
        body: fields['MessageBody'] ?? '',
        ...(item.bodyBytes && { bodyBytes: item.bodyBytes }),
        damaged: item.damaged,
        ...(damage && { damage }),
        attempt,
        enqueuedAtMs: number('EnqueueTime') || (answer.serverTimeMs ?? 0),
        properties: item.properties,
      }),
      receiptHandle,
      receivedAtMs: answer.receivedAtMs,
      visibilityMs: this.#visibilityMs,
    };
  }

  #unexpected(operation: string, message: string, { status, requestId }: MnsAnswer): MnsError {
    const code = ownCodes.unexpectedAnswer;
    return new MnsError({
      operation,
      queue: this.#queue,
      code,
      message,
      status,
      ...(requestId && { requestId }),
    });
  }
}

/**
 * The API for management names the type; that of the queue numbers it, and only 0 is known: a standard queue.
 */
function typeOf({ QueueType, MessageType }: MnsItem['fields']): string | undefined {
  const named = QueueType?.trim().toLowerCase();
  const numbered = MessageType?.trim();
  if (named !== undefined || numbered === undefined) return named;
  return numbered === '0' ? 'normal' : 'not standard';
}

/** Keeps the body as bytes: the text of the parser takes twice as much, and holds on to the whole answer. */
function withHeldBody({ body, ...rest }: ReceivedMessage): ReceivedMessage {
  const bytes = Buffer.from(body);
  return {
    ...rest,
    get body() {
      return bytes.toString('utf8');
    },
  };
}

function deadLetterOf(fields: MnsItem['fields']): QueueAttributes['deadLetter'] {
  if (fields['DlqPolicy'] === undefined) return undefined;
  const maxReceiveCount = Number(fields['DlqPolicy.MaxReceiveCount']);
  if (!/^true$/i.test(fields['DlqPolicy.Enabled'] ?? '') || !(maxReceiveCount > 0)) return 'none';
  return { queue: fields['DlqPolicy.DeadLetterTargetQueue'] ?? '', maxReceiveCount };
}
