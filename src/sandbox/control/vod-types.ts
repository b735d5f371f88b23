/**
 * The JSON of VOD that the sandbox's control endpoint takes and gives; the in-process API speaks the same.
 */

import type { RequestCounts } from './request-counts.js';

/** The operations of VOD that the sandbox knows. */
export const vodOperations = ['DeleteVideo', 'GetVideoInfo', 'DeleteMultipartUpload'] as const;

export type VodOperation = (typeof vodOperations)[number];

/** A media to put into VOD, past all its operations. */
export interface MediaSpec {
  mediaId: string;
  /** As GetVideoInfo tells it; default Normal. */
  status?: string;
  /** Epoch milliseconds; default: the clock of the sandbox. */
  createdMs?: number;
  /** Epoch milliseconds; default: when it was created. */
  modifiedMs?: number;
  /** Parts of uploads that are not complete; default 0. */
  parts?: number;
  /** An upload is in progress; default false. */
  uploading?: boolean;
  /** DeleteVideo leaves the media and its parts as they are, and its event says `fail` with this code. */
  deleteFails?: string;
}

/** A media as it is now. */
export interface MediaState {
  mediaId: string;
  status: string;
  createdMs: number;
  modifiedMs: number;
  parts: number;
  uploading: boolean;
  deleteFails: string | null;
}

/** A change to the upload of a media. Fields that are not given stay as they are. */
export interface UploadChange {
  uploading?: boolean;
  /** Epoch milliseconds. */
  modifiedMs?: number;
  parts?: number;
}

/** Calls let in during any second, by operation. */
export type VodQuotas = Record<VodOperation, number>;

/** One call of DeleteMultipartUpload. */
export interface VodCall {
  operation: VodOperation;
  mediaId: string;
  /** Epoch milliseconds of the sandbox's clock. */
  atMs: number;
  /** `ok`, the code of the error, or the kind of the fault that kept either from the client. */
  result: string;
  requestId: string;
  /** Parts were deleted, or an upload was aborted. */
  effect: boolean;
}

export interface VodState {
  /** How many there are. */
  media: number;
  /** Parts of all media together. */
  partsLeft: number;
  /** Media that have parts and no upload in progress. */
  orphansLeft: number;
  /** Uploads in progress that DeleteMultipartUpload has ended. */
  liveUploadsAborted: number;
  /** By operation, then by result as in `VodCall`. What is no operation counts as `Unknown`. */
  calls: RequestCounts;
  /** Calls beyond the quota. */
  refused: Record<VodOperation, number>;
  /** DeleteMediaComplete events in the queue, and those VOD gave up on. */
  events: { sent: number; dropped: number };
}
