import { InvalidArgumentError, type Command } from 'commander';
import { parseDurationMs } from '../config/schema/duration.js';
import type { Selection } from '../replay/selection.js';
import { systemClock } from '../time.js';

/** The filters of the commands that look at what is stored, as commander leaves them. */
export interface SelectionFlags {
  since?: number;
  until?: number;
  mediaId?: string;
  status?: string;
  mediaType?: string;
  deleteType?: string;
  eventType?: string;
  limit?: number;
}

/** Adds the filters; `time` says which time `--since` and `--until` are about. */
export function withSelection(command: Command, time: string): Command {
  return command
    .option('--since <time>', `${time} not before this: 2026-01-31T08:00:00Z, or ago: 90m, 2h, 3d`, moment)
    .option('--until <time>', `${time} before this`, moment)
    .option('--media-id <id>', 'events of this media')
    .option('--status <status>', 'events with this Status: success, fail')
    .option('--media-type <type>', 'events with this MediaType: video, image, attached')
    .option('--delete-type <type>', 'events with this DeleteType: all, mezzanine, stream')
    .option('--event-type <type>', 'events with this EventType, such as DeleteMediaComplete')
    .option('--limit <number>', 'no more than so many', wholeNumber);
}

/** @throws Error when `--since` is not before `--until`. */
export function toSelection(flags: SelectionFlags): Selection {
  const { since, until, mediaId, status, mediaType, deleteType, eventType, limit } = flags;
  if (since !== undefined && until !== undefined && since >= until) {
    throw new Error('--since must be before --until');
  }
  return {
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
    ...(mediaId !== undefined && { mediaId }),
    ...(status !== undefined && { status }),
    ...(mediaType !== undefined && { mediaType }),
    ...(deleteType !== undefined && { deleteType }),
    ...(eventType !== undefined && { eventType }),
    ...(limit !== undefined && { limit }),
  };
}

/** A whole number of at least 1. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

const isoForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Epoch milliseconds of an ISO time with its zone, of a day in UTC, or of a duration ago. */
function moment(text: string): number {
  const agoMs = parseDurationMs(text);
  if (agoMs !== undefined) return systemClock.now() - agoMs;
  const timeMs = isoForm.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) {
    throw new InvalidArgumentError(
      'It must be a time such as 2026-01-31T08:00:00Z, or a duration ago: 2h, 3d.',
    );
  }
  return timeMs;
}
