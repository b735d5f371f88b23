import type {
  FaultRule,
  FeedMessage,
  MessageHistory,
  QueueSpec,
  QueueState,
  RemainingMessage,
  SandboxCredential,
  SandboxState,
} from './control-types.js';
import type { MnsAccount } from './mns-account.js';
import { draftFromFeed } from './mns-message.js';
import type { MnsQueue } from './mns-queue.js';

/** What a test or demo does to the sandbox behind the back of its clients. Throws an Error that says what is wrong. */
export interface SandboxActions {
  health(): { status: 'ok'; accountId: string; seed: number };
  /** Creates a queue, or changes the attributes the spec names; its messages stay. */
  createQueue(spec: QueueSpec): void;
  deleteQueue(name: string): void;
  /** Puts messages into a queue and returns their ids in the same order. */
  feed(queue: string, messages: readonly FeedMessage[]): string[];
  /** Replaces all fault rules. */
  setFaults(rules: readonly FaultRule[]): void;
  clearFaults(): void;
  /** Replaces the keys that requests may be signed with. */
  setCredentials(credentials: readonly SandboxCredential[]): void;
  state(): SandboxState;
  /** The messages that are in a queue, in no order. */
  remaining(queue: string): RemainingMessage[];
  /** What became of each message of a queue, or of one. */
  history(queue: string, id?: string): MessageHistory[];
  /** Removes all queues, messages, faults and counts. */
  reset(): void;
}

/** The actions on one account. */
export function createActions(account: MnsAccount, seed: number): SandboxActions {
  const { accountId, faults } = account;
  const queueOf = (name: string): MnsQueue => {
    const queue = account.find(name);
    if (queue === undefined) throw new Error(`There is no queue ${name}`);
    return queue;
  };
  return {
    health: () => ({ status: 'ok', accountId, seed }),
    createQueue(spec) {
      if (typeof spec.name !== 'string' || spec.name === '') throw new Error('A queue needs a name');
      account.createFromSpec(spec);
    },
    deleteQueue(name) {
      account.delete(queueOf(name).name);
    },
    feed: (queue, messages) =>
      queueOf(queue)
        .send(messages.map(draftFromFeed))
        .map(({ id }) => id),
    setFaults(rules) {
      faults.set(rules);
    },
    clearFaults() {
      faults.set([]);
    },
    setCredentials(credentials) {
      account.credentials = [...credentials];
    },
    state: () => ({
      seed,
      accountId,
      queues: Object.fromEntries(account.list().map((queue) => [queue.name, stateOf(queue)])),
      requests: account.requests,
      faults: [...faults.list()],
    }),
    remaining: (queue) => [...queueOf(queue).remaining()].flatMap(remainingMessage),
    history(queue, id) {
      const { history } = queueOf(queue);
      if (id === undefined) return history.all();
      const found = history.find(id);
      return found === undefined ? [] : [found];
    },
    reset() {
      account.deleteAll();
      faults.set([]);
    },
  };
}

function stateOf(queue: MnsQueue): QueueState {
  const counts = queue.counts();
  return { ...queue.history.counters, ...counts, requests: queue.requests };
}

function remainingMessage({
  id,
  state,
  dequeueCount,
  enqueueTimeMs,
  draft,
}: ReturnType<MnsQueue['send']>[number]): RemainingMessage[] {
  if (state === 'gone') return [];
  return [{ id, state, dequeueCount, enqueueTimeMs, bodyBase64: draft.body.toString('base64') }];
}
