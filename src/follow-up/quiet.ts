import type { FollowUp } from '../event/follow-up.js';

/** VOD removes the parts of an upload itself seven days after the upload began (DeleteMultipartUpload, API reference). */
const partsLiveMs = 7 * 24 * 3_600_000;

/** Whether the deletion is so long ago that VOD has removed the parts by itself. */
export function isTooOld({ eventTime }: FollowUp, nowMs: number): boolean {
  return nowMs - Date.parse(eventTime) > partsLiveMs;
}

/**
 * When a media that was modified then counts as quiet, in epoch milliseconds; undefined when it is quiet now.
 *
 * DeleteMultipartUpload takes no upload id: it aborts an upload that is running now. VOD has no list of uploads, but
 * creating, resuming and finishing one modifies the media. A time in the future is a clock that is off, and counts
 * as now.
 */
export function quietAtMs(modifiedMs: number, quietPeriodMs: number, nowMs: number): number | undefined {
  const quietMs = Math.min(modifiedMs, nowMs) + quietPeriodMs;
  return quietMs > nowMs ? quietMs : undefined;
}
