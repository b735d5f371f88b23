import type { Values } from '../schema/leaf.js';
import type { queueSchema } from '../schema/queue.js';

/** The origin at which the VOD of a queue is called: the one that is set, else that of its region. */
export function vodEndpointOf({ region, endpoint }: Values<typeof queueSchema>['vod']): string {
  return endpoint === null ? `https://vod.${region}.aliyuncs.com` : new URL(endpoint).origin;
}
