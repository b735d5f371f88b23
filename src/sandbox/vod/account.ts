import type { Clock } from '../../time.js';
import type { SandboxCredential } from '../control/types.js';
import type { FaultRules } from '../faults/rules.js';
import type { MnsAccount } from '../mns/account.js';
import { VodCalls } from './calls.js';
import type { VodState } from '../control/vod-types.js';
import { VodEvents } from './events.js';
import { VodMedia } from './media.js';
import { VodNonces } from './nonces.js';
import { VodQuota } from './quota.js';

/** VOD of one account in one region, with the keys, the clock and the faults of its MNS. */
export class VodAccount {
  readonly clock: Clock;
  readonly faults: FaultRules;
  readonly media = new VodMedia();
  readonly nonces = new VodNonces();
  readonly quota = new VodQuota();
  readonly calls: VodCalls;
  readonly events: VodEvents;
  readonly #mns: MnsAccount;
  #createdRequestIds = 0;

  /** `eventQueue` is the queue of MNS that events are written to; undefined: there are no events. */
  constructor(mns: MnsAccount, eventQueue: string | undefined, historyLimit: number) {
    this.#mns = mns;
    this.clock = mns.clock;
    this.faults = mns.faults;
    this.calls = new VodCalls(historyLimit);
    this.events = new VodEvents(mns.clock, mns, eventQueue);
  }

  /** Keys that calls may be signed with. */
  get credentials(): readonly SandboxCredential[] {
    return this.#mns.credentials;
  }

  /** In the form of a UUID, as those of the service are. */
  createRequestId(): string {
    this.#createdRequestIds += 1;
    const hex = (value: number, digits: number): string =>
      value.toString(16).toUpperCase().padStart(digits, '0');
    return `${hex(Math.floor(this.clock.now() / 1000), 8)}-0000-4000-8000-${hex(this.#createdRequestIds, 12)}`;
  }

  state(): VodState {
    return {
      ...this.media.counts(),
      calls: this.calls.counts(),
      refused: this.quota.refused(),
      events: this.events.counts(),
    };
  }

  /** Removes all media, calls and counts; quotas are the documented ones again. */
  reset(): void {
    this.media.clear();
    this.nonces.clear();
    this.quota.reset();
    this.calls.clear();
    this.events.reset();
  }
}
