import { setTimeout as wait } from 'node:timers/promises';
import { adminAccess, fillStream, usersConfig, workerAuth, type FullStream } from '../support/full-stream.js';
import { startTestbed, type Role } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { print, table } from './print.js';

interface InTheWay {
  name: string;
  role: Role;
  body?: string;
  /** The subjects that the worker may not publish to. */
  deny?: string[];
  full?: FullStream;
  filler?: string;
}

const queue = 'vod-events';
const warmUp = 1_000;
const messages = 4_000;
/** Long enough for whatever closes because of it. */
const inTheWayMs = 3_000;
/** A message that is not relayed by then is held up. */
const patienceMs = 60_000;
const subject = 'vod.event.DeleteMediaComplete.success.video.all.in-the-way';
const event = deletionBody({ MediaId: 'in-the-way' });
const deadLetters = { name: 'VOD_DEAD_LETTERS', subjects: ['vod.dead-letter.>'] };
const onePerSubject = { max_msgs: -1, max_msgs_per_subject: 1, discard_new_per_subject: true };

const rows: readonly InTheWay[] = [
  { name: 'nothing', role: 'relay' },
  { name: 'a dead letter, its stream full', role: 'relay', body: 'no event', full: deadLetters },
  { name: 'a dead letter, denied', role: 'relay', body: 'no event', deny: ['vod.dead-letter.>'] },
  { name: 'an event, its subject denied', role: 'relay', body: event, deny: [subject] },
  {
    name: 'an event, its subject full',
    role: 'relay',
    body: event,
    full: { name: 'VOD_EVENTS', subjects: ['vod.event.>'], ...onePerSubject },
    filler: subject,
  },
  { name: 'nothing', role: 'both' },
  {
    name: 'outcomes, their stream full',
    role: 'both',
    body: event,
    full: { name: 'VOD_FOLLOW_UPS', subjects: ['vod.follow-up.>'] },
  },
];

/**
 * `npm run bench -- gates`: about two minutes. How fast good events are relayed beside what NATS does not
 * store.
 */
export async function benchGates(): Promise<void> {
  print(`\nOne message that NATS does not store, and ${messages} good ones behind it`);
  const figures: string[][] = [];
  for (const row of rows) {
    const { relayed, perSecond } = await measure(row);
    figures.push([row.name, row.role, String(relayed), perSecond.toFixed(0)]);
  }
  print(table(['in the way', 'halves', 'relayed', 'messages/s'], figures));
}

/** From the feeding of the good ones to the delete of the last, by a worker that is warm. */
async function measure(row: InTheWay): Promise<{ relayed: number; perSecond: number }> {
  const { role, body, deny, full, filler } = row;
  await using testbed = await startTestbed({ nats: { config: usersConfig(deny) } });
  if (full) await fillStream(testbed, full, filler);
  const { actions } = testbed.sandbox;
  const worker = await testbed.startWorker(
    { nats: { servers: [adminAccess(testbed).servers], auth: workerAuth } },
    role,
  );
  const relay = async (name: string, count: number): Promise<{ relayed: number; perSecond: number }> => {
    const deleted = (): number => actions.state().queues[queue]?.deleted ?? 0;
    const [before, startedMs] = [deleted(), performance.now()];
    const bodies = Array.from({ length: count }, (_, n) => ({
      body: deletionBody({ MediaId: `${name}-${n}` }),
    }));
    actions.feed(queue, bodies);
    await until(() => deleted() - before >= count || performance.now() - startedMs > patienceMs, {
      what: 'all are relayed, or are held up',
      everyMs: 5,
      timeoutMs: 2 * patienceMs,
    });
    const relayed = Math.min(count, deleted() - before);
    return { relayed, perSecond: (relayed / (performance.now() - startedMs)) * 1000 };
  };
  await relay('warm', warmUp);
  if (body !== undefined) {
    actions.feed(queue, [{ body }]);
    await worker.waitForLog(({ message }) => /not stored|storage of events failed/.test(String(message)));
    await wait(inTheWayMs);
  }
  return await relay('good', messages);
}
