import type { FollowUp } from '../event/follow-up.js';

/**
 * VOD removes the parts of an upload itself seven days after the upload began (DeleteMultipartUpload, API
 * reference).
 */
const partsLiveMs = 7 * 24 * 3_600_000;

/** Clocks that are no further apart agree: VOD tells its time in whole seconds. */
const clocksApartMs = 5_000;

/** The time by two clocks both: `nowMs`, unless the other says that it is earlier. */
export function earlierMs(nowMs: number, otherMs: number | undefined): number {
  return otherMs !== undefined && nowMs - otherMs > clocksApartMs ? otherMs : nowMs;
}

/**
 * When the media was deleted. An EventTime in the future is a clock that is off: NATS stored the event after
 * that.
 */
export function deletedAtMs({ eventTime, knownSinceMs = Infinity }: FollowUp, nowMs: number): number {
  const eventMs = Date.parse(eventTime);
  return eventMs <= nowMs ? eventMs : Math.min(knownSinceMs, nowMs);
}

/** Whether the deletion is so long ago that VOD has removed the parts by itself. */
export function isTooOld(followUp: FollowUp, nowMs: number): boolean {
  return nowMs - deletedAtMs(followUp, nowMs) > partsLiveMs;
}

/**
 * When a media that was modified then counts as quiet, in epoch milliseconds; undefined when it is quiet now.
 *
 * DeleteMultipartUpload takes no upload id: it aborts an upload that is running now. VOD has no list of
 * uploads, but creating, resuming and finishing one modifies the media. A time in the future is a clock that
 * is off, and counts as now.
 */
export function quietAtMs(modifiedMs: number, quietPeriodMs: number, nowMs: number): number | undefined {
  const quietMs = Math.min(modifiedMs, nowMs) + quietPeriodMs;
  return quietMs > nowMs ? quietMs : undefined;
}
