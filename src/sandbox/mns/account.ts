import type { Clock } from '../../time.js';
import type { QueueSpec, SandboxCredential } from '../control/types.js';
import type { RequestCounts } from '../control/request-counts.js';
import type { FaultRules } from '../faults/rules.js';
import { attributesFromSpec, type QueueAttributes } from './attributes.js';
import { createHandleFormat } from './handle.js';
import type { Message } from './message.js';
import { MnsQueue } from './queue.js';
import { seededRandom, type Random } from '../random.js';

interface MnsAccountOptions {
  accountId: string;
  credentials: SandboxCredential[];
  seed: number;
  clock: Clock;
  faults: FaultRules;
  /** With false, receipt handles contain `+` and `/`. */
  urlSafeHandles: boolean;
  /** Hands out messages of one priority in random order. */
  shuffle: boolean;
  /** Empty polls end early by a third of this part of their wait up to all of it. */
  pollsEndEarlyBy: number;
  /** Messages remembered for the history, by queue. */
  historyLimit: number;
}

/** The queues of one account in one region. */
export class MnsAccount {
  readonly accountId: string;
  readonly clock: Clock;
  readonly faults: FaultRules;
  /** For choices that are part of the service, not of a fault. */
  readonly random: Random;
  /** Keys that requests may be signed with; the control endpoint replaces them. */
  credentials: SandboxCredential[];
  /** Answers by operation, for all queues. */
  requests: RequestCounts = {};
  readonly #options: MnsAccountOptions;
  readonly #queues = new Map<string, MnsQueue>();
  readonly #idPrefix: string;
  #createdQueues = 0;
  #createdIds = 0;
  #createdRequestIds = 0;

  constructor(options: MnsAccountOptions) {
    this.#options = options;
    this.accountId = options.accountId;
    this.clock = options.clock;
    this.faults = options.faults;
    this.credentials = options.credentials;
    const random = (this.random = seededRandom(options.seed ^ 0x1d));
    this.#idPrefix = hex(Math.floor(random() * 2 ** 32), 8) + hex(Math.floor(random() * 2 ** 32), 8);
  }

  /** By which part of its wait the next empty poll ends early. */
  pollShortening(): number {
    return (this.#options.pollsEndEarlyBy * (1 + 2 * this.random())) / 3;
  }

  find(name: string): MnsQueue | undefined {
    return this.#queues.get(name);
  }

  /** All queues by name. */
  list(): MnsQueue[] {
    return [...this.#queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  create(name: string, attributes: QueueAttributes): MnsQueue {
    this.#createdQueues += 1;
    const { clock, faults, seed, shuffle, historyLimit, urlSafeHandles } = this.#options;
    const queue = new MnsQueue(name, attributes, {
      clock,
      historyLimit,
      handles: createHandleFormat(`sandbox-${this.#createdQueues}`, urlSafeHandles),
      createMessageId: () => {
        this.#createdIds += 1;
        return this.#idPrefix + hex(this.#createdIds, 16);
      },
      shuffle: shuffle ? seededRandom(seed + this.#createdQueues) : undefined,
      isDuplicated: () => faults.strikeCondition('duplicate-delivery', undefined, name) !== undefined,
      bury: (message, deadLetterQueue) => this.#bury(message, name, deadLetterQueue),
    });
    this.#queues.set(name, queue);
    return queue;
  }

  /** Creates the queue, or changes the attributes that the spec names if it exists. */
  createFromSpec(spec: QueueSpec): MnsQueue {
    const existing = this.#queues.get(spec.name);
    const attributes = attributesFromSpec(spec, existing?.attributes);
    const queue = existing ?? this.create(spec.name, attributes);
    if (existing !== undefined) queue.setAttributes(attributes);
    if (spec.deadLetter !== undefined) queue.setDeadLetter(spec.deadLetter);
    return queue;
  }

  /** 24 hex digits that begin with the time, as those of the service do. */
  createRequestId(): string {
    this.#createdRequestIds += 1;
    return hex(Math.floor(this.clock.now() / 1000), 8) + hex(this.#createdRequestIds, 16);
  }

  /** Deletes a queue with its messages; polls of it end empty. */
  delete(name: string): void {
    this.#queues.get(name)?.close();
    this.#queues.delete(name);
  }

  deleteAll(): void {
    for (const name of this.#queues.keys()) this.delete(name);
    this.requests = {};
  }

  /**
   * Which queue and id a dead letter comes from stands in its system properties; its age goes on counting.
   */
  #bury({ id, draft, enqueueTimeMs }: Message, source: string, target: string): boolean {
    const deadLetters = this.#queues.get(target);
    if (deadLetters === undefined || target === source) return false;
    const systemProperties = [
      ...draft.systemProperties,
      { name: 'DLQMessageType', value: 'MaxReceiveCountExceeded' },
      { name: 'DLQSourceArn', value: `acs:mns:sandbox:${this.accountId}:/queues/${source}` },
      { name: 'DLQOriginMessageId', value: id },
    ];
    deadLetters.send([{ ...draft, enqueueTimeMs, delayMs: 0, systemProperties }]);
    return true;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
