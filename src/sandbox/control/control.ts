import type {
  FeedMessage,
  MessageHistory,
  QueueSpec,
  RemainingMessage,
  SandboxCredential,
  SandboxState,
} from './types.js';
import type { FaultRule } from '../faults/fault.js';
import type { MediaSpec, MediaState, UploadChange, VodCall, VodQuotas, VodState } from './vod-types.js';

/**
 * A client for the control endpoint of a sandbox in another process. Every method rejects with an Error that
 * says what the sandbox did not like.
 */
export class SandboxControl {
  readonly #url: string;

  /** `url` is the endpoint that clients of MNS and VOD use. */
  constructor(url: string) {
    this.#url = `${url.replace(/\/+$/, '')}/sandbox/`;
  }

  async health(): Promise<{ status: 'ok'; accountId: string; seed: number }> {
    return (await this.#call('GET', 'health')) as { status: 'ok'; accountId: string; seed: number };
  }

  /** Creates a queue, or changes the attributes the spec names; its messages stay. */
  async createQueue(spec: QueueSpec): Promise<void> {
    await this.#call('POST', 'queues', spec);
  }

  async deleteQueue(name: string): Promise<void> {
    await this.#call('DELETE', `queues/${encodeURIComponent(name)}`);
  }

  /** Puts messages into a queue and returns their ids in the same order. */
  async feed(queue: string, messages: readonly FeedMessage[]): Promise<string[]> {
    const answer = await this.#call('POST', `queues/${encodeURIComponent(queue)}/messages`, { messages });
    return (answer as { ids: string[] }).ids;
  }

  /** Replaces all fault rules. */
  async setFaults(rules: readonly FaultRule[]): Promise<void> {
    await this.#call('PUT', 'faults', rules);
  }

  async clearFaults(): Promise<void> {
    await this.#call('DELETE', 'faults');
  }

  /** Replaces the keys that requests may be signed with. */
  async setCredentials(credentials: readonly SandboxCredential[]): Promise<void> {
    await this.#call('PUT', 'credentials', credentials);
  }

  async state(): Promise<SandboxState> {
    return (await this.#call('GET', 'state')) as SandboxState;
  }

  /** The messages that are in a queue, in no order. */
  async remaining(queue: string): Promise<RemainingMessage[]> {
    const answer = await this.#call('GET', `queues/${encodeURIComponent(queue)}/messages`);
    return (answer as { messages: RemainingMessage[] }).messages;
  }

  /** The history of each message of a queue, or of one. */
  async history(queue: string, id?: string): Promise<MessageHistory[]> {
    const query = id === undefined ? '' : `?id=${encodeURIComponent(id)}`;
    const answer = await this.#call('GET', `queues/${encodeURIComponent(queue)}/history${query}`);
    return (answer as { messages: MessageHistory[] }).messages;
  }

  /** Puts media into VOD, in place of those of the same id. */
  async seedMedia(media: readonly MediaSpec[]): Promise<void> {
    await this.#call('POST', 'media', media);
  }

  /** Begins, ends or refreshes the upload of a media. */
  async setUpload(mediaId: string, change: UploadChange): Promise<void> {
    await this.#call('PUT', `media/${encodeURIComponent(mediaId)}/upload`, change);
  }

  /** A media as it is now; undefined for one that does not exist. */
  async media(mediaId: string): Promise<MediaState | undefined> {
    const answer = await this.#call('GET', `media/${encodeURIComponent(mediaId)}`);
    return (answer as { media?: MediaState }).media;
  }

  async vodState(): Promise<VodState> {
    return (await this.#call('GET', 'vod-state')) as VodState;
  }

  /** Every call of DeleteMultipartUpload in order, for one media or for all. */
  async vodCalls(mediaId?: string): Promise<VodCall[]> {
    const query = mediaId === undefined ? '' : `?media=${encodeURIComponent(mediaId)}`;
    const answer = await this.#call('GET', `vod-calls${query}`);
    return (answer as { calls: VodCall[] }).calls;
  }

  /** Changes the quotas that are named. */
  async setVodQuotas(quotas: Partial<VodQuotas>): Promise<void> {
    await this.#call('PUT', 'vod-quotas', quotas);
  }

  /** Removes all queues, messages, media, faults and counts; quotas are as at the start. */
  async reset(): Promise<void> {
    await this.#call('POST', 'reset');
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`Sandbox: ${(answer as { error: string }).error}`);
    return answer;
  }
}
