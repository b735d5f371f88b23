import type { VodAccount } from './account.js';
import type { VodOperation } from '../control/vod-types.js';
import { missing, VodFailure } from './errors.js';
import { instant } from './media.js';
import type { VodRequest } from './request.js';

/** The result of a call: the answer beside its RequestId, and whether an upload lost parts. */
export interface VodResult {
  answer: Readonly<Record<string, unknown>>;
  effect: boolean;
}

type Operation = (account: VodAccount, request: VodRequest) => VodResult;

const maximumVideoIds = 20;

/** The operations. Each throws VodFailure for what VOD refuses. */
export const operations: Readonly<Record<VodOperation, Operation>> = {
  DeleteVideo: deleteVideo,
  GetVideoInfo: getVideoInfo,
  DeleteMultipartUpload: deleteMultipartUpload,
};

/** The ids of the media a request names. */
export function namedMedia({ action, parameter }: VodRequest): string[] {
  if (action === 'DeleteVideo') return parameter('VideoIds').split(',');
  return [parameter(action === 'GetVideoInfo' ? 'VideoId' : 'MediaId')];
}

function deleteVideo({ media, events }: VodAccount, request: VodRequest): VodResult {
  required(request, 'VideoIds');
  const ids = [...new Set(namedMedia(request))].filter((id) => id !== '');
  if (ids.length > maximumVideoIds) throw new VodFailure('VideoIdsExceededMax');
  const ForbiddenVideoIds: string[] = [];
  const NonExistVideoIds: string[] = [];
  for (const id of ids) {
    const found = media.find(id);
    if (found === undefined) {
      NonExistVideoIds.push(id);
      events.deleteMediaComplete(id, 'InvalidVideo.NotFound');
    } else if (found.deleteFails === null) {
      media.delete(id);
      events.deleteMediaComplete(id);
    } else {
      if (found.deleteFails.startsWith('Forbidden')) ForbiddenVideoIds.push(id);
      events.deleteMediaComplete(id, found.deleteFails);
    }
  }
  return { answer: { ForbiddenVideoIds, NonExistVideoIds }, effect: false };
}

function getVideoInfo({ media }: VodAccount, request: VodRequest): VodResult {
  const found = media.find(required(request, 'VideoId'));
  if (found === undefined) throw new VodFailure('InvalidVideo.NotFound');
  const Video = {
    VideoId: found.mediaId,
    Title: found.mediaId,
    Status: found.status,
    Size: 0,
    CreationTime: instant(found.createdMs),
    ModificationTime: instant(found.modifiedMs),
  };
  return { answer: { Video }, effect: false };
}

function deleteMultipartUpload({ media }: VodAccount, request: VodRequest): VodResult {
  const mediaId = required(request, 'MediaId');
  if (required(request, 'MediaType') !== 'video') {
    throw new VodFailure('InvalidParameter', 'The specified parameter "MediaType" is invalid.');
  }
  if (media.find(mediaId) === undefined) throw new VodFailure('InvalidVideo.NotFound');
  if (!media.abortUploads(mediaId)) throw new VodFailure('InvalidMultipartUpload.NotFound');
  return { answer: {}, effect: true };
}

function required({ parameter }: VodRequest, name: string): string {
  const value = parameter(name);
  if (value === '') throw missing(name);
  return value;
}
