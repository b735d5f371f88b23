import type { Publisher } from '../nats/publish/publisher.js';
import type { Clock } from '../time.js';
import type { Checkpoint } from './checkpoint.js';
import type { Counts } from './counts.js';
import type { Content, ReplaySource } from './item.js';
import type { ReplayPlan } from './plan.js';
import type { Reader } from './stream-batches.js';

export interface ReplayOptions {
  /** Letters, digits and hyphens. */
  id: string;
  plan: ReplayPlan;
  /** Look at everything, count what would happen, and change nothing. */
  dryRun: boolean;
  /** Worked through one after the other. */
  sources: readonly ReplaySource[];
  /** The subject prefix, and the stream that takes the events that are sent. */
  prefix: string;
  targetStream: string;
  publisher: Pick<Publisher, 'publish'>;
  reader: Reader;
  clock: Clock;
  /** The checkpoint to go on from. */
  resumed: Checkpoint | undefined;
  /** Whether what is published leads to a call of VOD. */
  leadsToCall: (content: Content) => boolean;
  /** Told after each item; `total` is an estimate. */
  onProgress: (counts: Counts, total: number) => void;
  /** Aborted: finish what is under way, and stop. */
  stop: AbortSignal;
  /** Aborted: return at once. What is under way is in doubt until the replay is resumed. */
  abandon: AbortSignal;
}
