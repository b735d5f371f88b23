import type {
  FeedMessage,
  MessageHistory,
  QueueSpec,
  QueueState,
  RemainingMessage,
  SandboxCredential,
  SandboxState,
} from './types.js';
import type { FaultRule } from '../faults/fault.js';
import type { MnsAccount } from '../mns/account.js';
import { draftFromFeed } from '../mns/message.js';
import type { MnsQueue } from '../mns/queue.js';
import type { VodAccount } from '../vod/account.js';
import type { MediaSpec, MediaState, UploadChange, VodCall, VodQuotas, VodState } from './vod-types.js';

/**
 * The actions of a test or demo on the sandbox that its clients do not see. Throws an Error that says what is
 * wrong.
 */
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
  /** The history of each message of a queue, or of one. */
  history(queue: string, id?: string): MessageHistory[];
  /** Puts media into VOD, in place of those of the same id. */
  seedMedia(media: readonly MediaSpec[]): void;
  /** Begins, ends or refreshes the upload of a media. */
  setUpload(mediaId: string, change: UploadChange): void;
  /** A media as it is now; undefined for one that does not exist. */
  media(mediaId: string): MediaState | undefined;
  vodState(): VodState;
  /** Every call of DeleteMultipartUpload in order, for one media or for all. */
  vodCalls(mediaId?: string): VodCall[];
  /** Changes the quotas that are named. */
  setVodQuotas(quotas: Partial<VodQuotas>): void;
  /** Removes all queues, messages, media, faults and counts; quotas are as at the start. */
  reset(): void;
}

/** The actions on one account. */
export function createActions(account: MnsAccount, vod: VodAccount, seed: number): SandboxActions {
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
    seedMedia(media) {
      for (const spec of media) vod.media.seed(spec, vod.clock.now());
    },
    setUpload(mediaId, change) {
      vod.media.setUpload(mediaId, change);
    },
    media: (mediaId) => vod.media.find(mediaId),
    vodState: () => vod.state(),
    vodCalls: (mediaId) => vod.calls.list(mediaId),
    setVodQuotas(quotas) {
      vod.quota.set(quotas);
    },
    reset() {
      account.deleteAll();
      vod.reset();
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
