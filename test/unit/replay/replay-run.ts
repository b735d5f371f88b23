import { setMaxListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toCloudEvent } from '../../../src/event/cloud-event.js';
import type { DeadLetterCode } from '../../../src/event/dead-letter-code.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import { deadLetterPublication, eventPublication } from '../../../src/nats/publish/publication.js';
import type { Publication } from '../../../src/nats/publish/publisher.js';
import { startWorkerProcess, type Exit, type WorkerProcess } from '../../support/worker-process.js';
import { region, type ConfigOverrides, type Testbed } from '../../support/testbed.js';
import { openStore } from '../../support/open-store.js';

/** The figures of a replay, as `--json` prints them. */
export interface ReplayFigures {
  id?: string;
  dryRun: boolean;
  end: string;
  settled: boolean;
  seen: number;
  filteredOut: number;
  selected: number;
  published: number;
  suppressed: number;
  undecodable: number;
  left: number;
  failed: number;
  inDoubt: number;
  released: number;
  notDeleted: number;
  notLookedAt: number;
  wouldCall: number;
}

export interface EndedRun extends Exit {
  figures: ReplayFigures;
  stderr: string;
}

/** A configuration in which every queue of the testbed is given to replays. */
export async function replayConfig(
  testbed: Testbed,
  queues: readonly string[],
  overrides: ConfigOverrides = {},
): Promise<string> {
  const { accessKeyId, accessKeySecret } = testbed.sandbox;
  const file = join(testbed.folder, 'relay.yaml');
  const config = {
    queues: queues.map((name) => testbed.queue(name, { mode: 'replay' })),
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [testbed.nats.url] },
    ...overrides,
  };
  // Every JSON text is YAML.
  await writeFile(file, JSON.stringify(config));
  return file;
}

export function startReplay(config: string, ...args: string[]): WorkerProcess {
  return startWorkerProcess(['replay', '--config', config, '--json', ...args]);
}

/** Runs a replay to its end. */
export async function runReplay(config: string, ...args: string[]): Promise<EndedRun> {
  return await ended(startReplay(config, ...args));
}

/** The last words of a replay. */
export async function ended(replay: WorkerProcess): Promise<EndedRun> {
  const exit = await replay.exit;
  const line = replay.stdout.trim();
  if (line === '') throw new Error(`the replay printed no result:\n${replay.stderr}`);
  return { ...exit, figures: JSON.parse(line) as ReplayFigures, stderr: replay.stderr };
}

export function deletionOf(mediaId: string, eventTime = '2026-03-20T07:49:17Z'): DeleteMediaComplete {
  return {
    kind: 'delete-media-complete',
    eventTime,
    status: 'success',
    mediaType: 'video',
    deleteType: 'all',
    mediaId,
    jobIds: [],
    extra: {},
  };
}

/** Stores events as a worker does, and makes the streams. */
export async function storeEvents(
  testbed: Testbed,
  queue: string,
  events: readonly DeleteMediaComplete[],
): Promise<void> {
  const origin = { region, account: testbed.sandbox.accountId, queue };
  await store(
    testbed,
    events.map((event) => eventPublication('vod', toCloudEvent(event, origin, '2026-01-01T00:00:00Z'))),
  );
}

/** Stores dead letters as a worker does. */
export async function storeDeadLetters(
  testbed: Testbed,
  letters: readonly { queue: string; code: DeadLetterCode; reason?: string; body: string | Uint8Array }[],
): Promise<void> {
  await store(
    testbed,
    letters.map(({ queue, code, reason = 'for a test', body }, index) =>
      deadLetterPublication('vod', {
        queue,
        messageId: `message-${index}`,
        attempt: 1,
        enqueuedAtMs: Date.parse('2026-03-20T07:49:18Z'),
        body,
        code,
        reason,
        at: 'somewhere',
      }),
    ),
  );
}

async function store(testbed: Testbed, publications: readonly Publication[]): Promise<void> {
  await using opened = await openStore({ servers: [testbed.nats.url] });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  await opened.store.ensureHorizon(600_000, signal);
  await opened.store.ensureFollowUpStreams(600_000, signal);
  await Promise.all(publications.map((publication) => opened.store.publisher.publish(publication, signal)));
}
