import { MnsError } from '../receive/mns-error.js';
import type { Queue, QueueAttributes } from '../receive/queue.js';
import type { ReceiverEvents } from '../receive/receiver-events.js';
import type { Telemetry } from '../operate/telemetry.js';
import { Recurring, type Clock } from '../time.js';

export interface QueueWatchOptions {
  queue: Pick<Queue, 'name' | 'attributes'>;
  /** As they were at the start. */
  attributes: QueueAttributes;
  /** Makes the streams remember ids for this retention. @returns whether they do then. */
  remember: (retentionMs: number) => Promise<boolean>;
  clock: Clock;
  stop: AbortSignal;
  telemetry: ReceiverEvents & Pick<Telemetry, 'queueChanged' | 'attributesUnread' | 'attributesRead'>;
}

const everyMs = 600_000;
const againMs = 10_000;

/**
 * Reads the attributes of a queue again now and then, and at once when it had vanished and is back: a longer
 * retention lengthens the duplicate windows, a shorter one changes nothing. The queue itself goes by the
 * visibility timeout that was read last.
 * @returns the events for the receiver of the queue.
 */
export function watchQueue(options: QueueWatchOptions): ReceiverEvents {
  const { queue, remember, clock, stop, telemetry } = options;
  let known = options.attributes;
  let isGone = false;
  const look = new Recurring({ clock, everyMs, signal: stop, work: readAgain });
  return {
    ...telemetry,
    receiveFailed(name, error, retryInMs) {
      if (error instanceof MnsError && error.code === 'QueueNotExist') isGone = true;
      telemetry.receiveFailed(name, error, retryInMs);
    },
    receiveRecovered(name, failures) {
      telemetry.receiveRecovered(name, failures);
      if (isGone) look.within(0);
      isGone = false;
    },
  };

  async function readAgain(): Promise<void> {
    const before = known;
    try {
      known = await queue.attributes(stop);
    } catch (error) {
      if (stop.aborted) return;
      telemetry.attributesUnread(queue.name, error);
      look.within(againMs);
      return;
    }
    telemetry.attributesRead(queue.name);
    const { visibilityMs, retentionMs } = known;
    if (visibilityMs === before.visibilityMs && retentionMs === before.retentionMs) return;
    const isCovered = retentionMs <= before.retentionMs || (await remember(retentionMs));
    telemetry.queueChanged(queue.name, { visibilityMs, retentionMs }, isCovered);
  }
}
