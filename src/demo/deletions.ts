import { randomUUID } from 'node:crypto';
import { signRequest } from '../follow-up/vod-signature.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { MediaSpec, VodState } from '../sandbox/control/vod-types.js';
import { sleep, systemClock } from '../time.js';
import { eventKey } from './messages.js';

/** The media that one request deletes in VOD. */
const idsInACall = 20;
const uploadEndsAfterMs = 2_000;
const longAgoMs = 7 * 24 * 3_600_000;

interface Kind {
  count: number;
  spec: (nowMs: number) => Omit<MediaSpec, 'mediaId'>;
}

/** The videos of the demo. */
const kinds = {
  deleted: { count: 40, spec: (nowMs) => ({ createdMs: nowMs - longAgoMs, parts: 2 }) },
  orphaned: {
    count: 24,
    spec: (nowMs) => ({ createdMs: nowMs - longAgoMs, parts: 3, deleteFails: 'DeleteVideoFailed' }),
  },
  uploading: {
    count: 10,
    spec: (nowMs) => ({ createdMs: nowMs, parts: 1, uploading: true, deleteFails: 'DeleteVideoFailed' }),
  },
  refused: {
    count: 6,
    spec: (nowMs) => ({ createdMs: nowMs - longAgoMs, parts: 3, deleteFails: 'Forbidden.RAM' }),
  },
} as const satisfies Record<string, Kind>;

const allKinds = Object.entries<Kind>(kinds);

/** Videos that the demo deletes in the sandbox's VOD, which writes their events into the queue itself. */
export interface Deletions {
  /** How many events they make, each unique. */
  count: number;
  /** The events, as the demo tells them apart. */
  keys: readonly string[];
  /** Deletes them all. Some fail and leave parts. @returns what VOD holds before the first is deleted. */
  run(): Promise<VodState>;
  /** After a while, ends the uploads that are going on. */
  endUploads(): Promise<void>;
}

export function demoDeletions(sandbox: Sandbox): Deletions {
  const nowMs = systemClock.now();
  const media = allKinds.flatMap(([kind, { count, spec }]) =>
    Array.from({ length: count }, (_, i): MediaSpec => ({ mediaId: `${kind}-${i}`, ...spec(nowMs) })),
  );
  return {
    count: media.length,
    keys: media.map(({ mediaId, deleteFails }) =>
      eventKey(mediaId, deleteFails === undefined ? 'success' : 'fail'),
    ),
    async run() {
      sandbox.actions.seedMedia(media);
      const before = sandbox.actions.vodState();
      const ids = media.map(({ mediaId }) => mediaId);
      for (let at = 0; at < ids.length; at += idsInACall) {
        await deleteVideo(sandbox, ids.slice(at, at + idsInACall));
      }
      return before;
    },
    async endUploads() {
      await sleep(systemClock, uploadEndsAfterMs);
      const endedMs = systemClock.now();
      for (const { mediaId, uploading } of media) {
        if (uploading === true) sandbox.actions.setUpload(mediaId, { uploading: false, modifiedMs: endedMs });
      }
    },
  };
}

async function deleteVideo({ url, accessKeyId, accessKeySecret }: Sandbox, ids: string[]): Promise<void> {
  const { path, headers } = signRequest(
    {
      host: new URL(url).host,
      action: 'DeleteVideo',
      version: '2017-03-21',
      parameters: { VideoIds: ids.join(',') },
      nowMs: systemClock.now(),
      nonce: randomUUID(),
    },
    { accessKeyId, accessKeySecret },
  );
  const { ok, status } = await fetch(url + path, { method: 'POST', headers });
  if (!ok) throw new Error(`the sandbox refused DeleteVideo with status ${status}`);
}
