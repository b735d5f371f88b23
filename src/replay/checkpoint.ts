import { randomUUID } from 'node:crypto';
import { checkpointSubject, streamNames } from '../event/layout.js';
import { checkpointPublication } from '../nats/publish/publication.js';
import type { Publisher } from '../nats/publish/publisher.js';
import type { StreamReader } from '../nats/streams/reader.js';
import type { Counts } from './counts.js';
import type { SourceState } from './item.js';
import type { ReplayPlan } from './plan.js';

/** A replay as its stream keeps it: enough to go on after a crash, on any machine. */
export interface Checkpoint {
  readonly id: string;
  readonly plan: ReplayPlan;
  readonly state: 'running' | 'stopped' | 'finished';
  /** Of items that a resumed replay does not see again. */
  readonly counts: Counts;
  /** By name; a source that is absent was not begun. */
  readonly sources: Readonly<Record<string, SourceState>>;
}

/** One that does not speak of follow-ups is of a program that had none. */
type StoredCheckpoint = Omit<Checkpoint, 'plan'> & {
  readonly plan: Omit<ReplayPlan, 'followUp'> & Partial<Pick<ReplayPlan, 'followUp'>>;
};

/**
 * Takes the place of the checkpoint before.
 * @throws the signal's reason when that is aborted first.
 */
export async function writeCheckpoint(
  publisher: Pick<Publisher, 'publish'>,
  prefix: string,
  checkpoint: Checkpoint,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify(checkpoint);
  await publisher.publish(checkpointPublication(prefix, checkpoint.id, randomUUID(), body), signal);
}

/** The last checkpoint of a replay; undefined when there is none, or its stream no longer keeps it. */
export async function readCheckpoint(
  reader: Pick<StreamReader, 'nextOnSubject'>,
  prefix: string,
  id: string,
  signal: AbortSignal,
): Promise<Checkpoint | undefined> {
  const stream = streamNames(prefix).replays;
  const stored = await reader.nextOnSubject(stream, 1, checkpointSubject(prefix, id), signal);
  if (!stored) return undefined;
  const checkpoint = JSON.parse(Buffer.from(stored.body).toString('utf8')) as StoredCheckpoint;
  return { ...checkpoint, plan: { followUp: false, ...checkpoint.plan } };
}
