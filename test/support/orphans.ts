import type { MediaSpec, VodCall } from '../../src/sandbox/control/vod-types.js';
import { storedEvents, type StoredEvent } from './stored-messages.js';
import type { Testbed } from './testbed.js';
import { until } from './until.js';
import { deletionBody } from './vod-messages.js';

const dayMs = 24 * 3_600_000;

/** When a media was modified that is quiet for every quiet period up to a day. */
export function longAgoMs(): number {
  return Date.now() - 2 * dayMs;
}

/**
 * Puts media into VOD whose deletion has failed and left parts, and the events of that into the stream.
 * @returns the media ids.
 */
export async function seedOrphans(
  testbed: Testbed,
  count: number,
  spec: (index: number) => Partial<MediaSpec> = () => ({}),
): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `orphan-${index}`);
  await testbed.control.seedMedia(
    ids.map((mediaId, index) => ({
      mediaId,
      parts: 3,
      createdMs: longAgoMs(),
      deleteFails: 'DeleteVideoFailed',
      ...spec(index),
    })),
  );
  await relayDeletions(testbed, ids.map(failedDeletion));
  return ids;
}

/** The event of a deletion that failed just now. */
export function failedDeletion(mediaId: string): string {
  const EventTime = new Date().toISOString().replace(/\.\d+/, '');
  return deletionBody({ MediaId: mediaId, Status: 'fail', ErrorCode: 'DeleteVideoFailed', EventTime });
}

/** Sends bodies through the testbed's queue with a relay of its own, which has ended when this resolves. */
export async function relayDeletions(
  { control, ...testbed }: Testbed,
  bodies: readonly string[],
): Promise<void> {
  const queue = 'vod-events';
  const deleted = async (): Promise<number> => (await control.state()).queues[queue]?.deleted ?? 0;
  const wanted = (await deleted()) + bodies.length;
  await control.feed(
    queue,
    bodies.map((body) => ({ body })),
  );
  await using relay = await testbed.startWorker({}, 'relay');
  await until(async () => (await deleted()) === wanted, { what: 'all events are in the stream' });
  relay.kill();
  await relay.exit;
}

/** Everything in VOD_FOLLOW_UPS but what was only put off. */
export async function finalOutcomes({ nats }: Testbed): Promise<StoredEvent[]> {
  const events = await storedEvents(nats.url, 'VOD_FOLLOW_UPS');
  return events.filter(({ event }) => event.data['outcome'] !== 'postponed');
}

/**
 * How many of some media came to each final outcome; `none` and `several` are such as have not exactly one.
 */
export async function countOutcomes(
  testbed: Testbed,
  ids: readonly string[],
): Promise<Record<string, number>> {
  const ofMedia = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { event } of await finalOutcomes(testbed)) {
    const { mediaId, outcome } = event.data;
    ofMedia.get(String(mediaId))?.push(String(outcome));
  }
  const counts: Record<string, number> = {};
  for (const [first = 'none', ...more] of ofMedia.values()) {
    const name = more.length > 0 ? 'several' : first;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Waits until each of some media has a final outcome, and counts them. */
export async function untilAllHaveOutcomes(
  testbed: Testbed,
  ids: readonly string[],
  timeoutMs = 60_000,
): Promise<Record<string, number>> {
  return await until(
    async () => {
      const counts = await countOutcomes(testbed, ids);
      return 'none' in counts ? undefined : counts;
    },
    { what: 'each has an outcome', timeoutMs, everyMs: 250 },
  );
}

/** The results of the calls of DeleteMultipartUpload. */
export interface CallFigures {
  calls: number;
  /** Beyond the quota, in percent. */
  refusedPercent: number;
  /** Media with more than one call that had an effect or could have had. */
  repeated: number;
  /** The most that were let in within any second. */
  mostInASecond: number;
  /** From the first call to the last that had an effect, in seconds. */
  seconds: number;
}

export function callFigures(calls: readonly VodCall[]): CallFigures {
  const refused = calls.filter(isRefused);
  const accepted = calls.filter((call) => !isRefused(call));
  const times = accepted.map(({ atMs }) => atMs);
  const byMedia = new Map<string, number>();
  for (const { mediaId } of accepted) byMedia.set(mediaId, (byMedia.get(mediaId) ?? 0) + 1);
  const lastEffect = accepted.findLast(({ effect }) => effect);
  return {
    calls: calls.length,
    refusedPercent: calls.length === 0 ? 0 : (refused.length / calls.length) * 100,
    repeated: [...byMedia.values()].reduce((sum, n) => sum + n - 1, 0),
    mostInASecond: Math.max(
      0,
      ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length),
    ),
    seconds: ((lastEffect?.atMs ?? 0) - (calls[0]?.atMs ?? 0)) / 1000,
  };
}

export function isRefused({ result }: VodCall): boolean {
  return result.startsWith('Throttling');
}
