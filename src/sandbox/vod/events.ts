import type { Clock } from '../../time.js';
import type { MnsAccount } from '../mns/account.js';
import { draftFromFeed } from '../mns/message.js';
import { textOf } from './errors.js';
import { instant } from './media.js';

/** VOD writes an event up to this often, then drops it ("Event notification"). */
const maximumTries = 3;
const retryMs = 1000;

/** The events VOD writes into a queue of MNS. */
export class VodEvents {
  readonly #clock: Clock;
  readonly #mns: MnsAccount;
  readonly #queue: string | undefined;
  readonly #cancels = new Set<() => void>();
  #sent = 0;
  #dropped = 0;

  /** Without a queue there are no events. */
  constructor(clock: Clock, mns: MnsAccount, queue: string | undefined) {
    this.#clock = clock;
    this.#mns = mns;
    this.#queue = queue;
  }

  /** Tells that a media was deleted, or with `errorCode` that it could not be. */
  deleteMediaComplete(mediaId: string, errorCode?: string): void {
    if (this.#queue === undefined) return;
    const event = {
      EventType: 'DeleteMediaComplete',
      EventTime: instant(this.#clock.now()),
      Status: errorCode === undefined ? 'success' : 'fail',
      MediaType: 'video',
      DeleteType: 'all',
      MediaId: mediaId,
      ...(errorCode === undefined ? {} : { ErrorCode: errorCode, ErrorMessage: textOf(errorCode) }),
    };
    this.#write(this.#queue, JSON.stringify(event), 1);
  }

  counts(): { sent: number; dropped: number } {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /** Forgets what is still to be tried again, and all counts. */
  reset(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#sent = this.#dropped = 0;
  }

  /**
   * The failures that VOD meets: a queue that does not exist, a wrong name in its configuration, or a FIFO
   * queue.
   */
  #write(name: string, body: string, tries: number): void {
    const queue = this.#mns.find(name);
    if (queue !== undefined && queue.attributes.type !== 'fifo') {
      queue.send([draftFromFeed({ body })]);
      this.#sent += 1;
    } else if (tries === maximumTries) {
      this.#dropped += 1;
    } else {
      const cancel = this.#clock.after(retryMs, () => {
        this.#cancels.delete(cancel);
        this.#write(name, body, tries + 1);
      });
      this.#cancels.add(cancel);
    }
  }
}
