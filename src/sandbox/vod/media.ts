import type { MediaSpec, MediaState, UploadChange } from '../control/vod-types.js';

/** A time as VOD writes it, without fractions of a second. */
export function instant(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+/, '');
}

/** The media of one account. */
export class VodMedia {
  readonly #media = new Map<string, MediaState>();
  #liveUploadsAborted = 0;

  /**
   * Puts a media there, in place of one of the same id.
   * @throws TypeError without an id.
   */
  seed(spec: MediaSpec, nowMs: number): void {
    if (typeof spec.mediaId !== 'string' || spec.mediaId === '') throw new TypeError('A media needs an id');
    const createdMs = spec.createdMs ?? nowMs;
    this.#media.set(spec.mediaId, {
      mediaId: spec.mediaId,
      status: spec.status ?? 'Normal',
      createdMs,
      modifiedMs: spec.modifiedMs ?? createdMs,
      parts: spec.parts ?? 0,
      uploading: spec.uploading ?? false,
      deleteFails: spec.deleteFails ?? null,
    });
  }

  /** The media as it is now. */
  find(mediaId: string): MediaState | undefined {
    const media = this.#media.get(mediaId);
    return media && { ...media };
  }

  /** @throws Error if there is no such media. */
  setUpload(mediaId: string, change: UploadChange): void {
    const media = this.#media.get(mediaId);
    if (media === undefined) throw new Error(`There is no media ${mediaId}`);
    media.uploading = change.uploading ?? media.uploading;
    media.modifiedMs = change.modifiedMs ?? media.modifiedMs;
    media.parts = change.parts ?? media.parts;
  }

  /** Removes a media with its parts. */
  delete(mediaId: string): void {
    this.#media.delete(mediaId);
  }

  /**
   * Deletes all parts of a media and ends its upload, as no UploadId can spare it. @returns false where is
   * neither.
   */
  abortUploads(mediaId: string): boolean {
    const media = this.#media.get(mediaId);
    if (media === undefined || (media.parts === 0 && !media.uploading)) return false;
    if (media.uploading) this.#liveUploadsAborted += 1;
    media.parts = 0;
    media.uploading = false;
    return true;
  }

  counts(): { media: number; partsLeft: number; orphansLeft: number; liveUploadsAborted: number } {
    const all = [...this.#media.values()];
    return {
      media: all.length,
      partsLeft: all.reduce((sum, { parts }) => sum + parts, 0),
      orphansLeft: all.filter(({ parts, uploading }) => parts > 0 && !uploading).length,
      liveUploadsAborted: this.#liveUploadsAborted,
    };
  }

  clear(): void {
    this.#media.clear();
    this.#liveUploadsAborted = 0;
  }
}
