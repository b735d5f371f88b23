/** The parts of a worker with a stop-watch on them. */
import type { VodSite } from '../follow-up/deletion.js';
import { VodError } from '../follow-up/vod-error.js';
import type { ConfirmedPublisher } from '../nats/publish/confirmed-publisher.js';
import type { RelayLease } from '../relay/relay.js';
import type { Clock } from '../time.js';

/** Tells how long each publication took that was stored. */
export function timedPublisher(
  publisher: ConfirmedPublisher,
  clock: Clock,
  onPublished: (durationMs: number) => void,
): Pick<ConfirmedPublisher, 'publish'> {
  return {
    async publish(publication, signal) {
      const startedMs = clock.monotonicMs();
      const ack = await publisher.publish(publication, signal);
      onPublished(clock.monotonicMs() - startedMs);
      return ack;
    },
  };
}

/** Tells of each message that was deleted how old it was when it could be, and how long the deletion took. */
export function timedLease(
  lease: RelayLease,
  clock: Clock,
  onAcked: (sinceEnqueueMs: number, ackMs: number) => void,
): RelayLease {
  return leaseWith(lease, {
    async ack() {
      const sinceEnqueueMs = clock.now() - lease.message.enqueuedAtMs;
      const startedMs = clock.monotonicMs();
      const isDeleted = await lease.ack();
      if (isDeleted) onAcked(sinceEnqueueMs, clock.monotonicMs() - startedMs);
      return isDeleted;
    },
  });
}

/** The same lease, with other ways to settle it. */
export function leaseWith(
  lease: RelayLease,
  settling: Partial<Pick<RelayLease, 'ack' | 'release'>>,
): RelayLease {
  const { message, signal } = lease;
  return {
    message,
    signal,
    get interruption() {
      return lease.interruption;
    },
    ack: () => lease.ack(),
    release: (delaySeconds) => lease.release(delaySeconds),
    abandon: () => {
      lease.abandon();
    },
    ...settling,
  };
}

/** Tells of each call to VOD what came of it: `ok`, the kind of its error, or `cut`. */
export function timedVodClient(
  client: VodSite['client'],
  clock: Clock,
  onCall: (operation: string, result: string, durationMs: number) => void,
): VodSite['client'] {
  const timed = async <T>(operation: string, call: Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs();
    const tell = (result: string): void => {
      onCall(operation, result, clock.monotonicMs() - startedMs);
    };
    try {
      const answer = await call;
      tell('ok');
      return answer;
    } catch (error) {
      tell(error instanceof VodError ? error.kind : 'cut');
      throw error;
    }
  };
  return {
    getVideoInfo: (mediaId, signal) => timed('GetVideoInfo', client.getVideoInfo(mediaId, signal)),
    deleteMultipartUpload: (mediaId, signal) =>
      timed('DeleteMultipartUpload', client.deleteMultipartUpload(mediaId, signal)),
  };
}
