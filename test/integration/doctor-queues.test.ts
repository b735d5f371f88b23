/** `vod-relay doctor` on queues whose settings are not as they should be. */
import t from 'tap';
import type { QueueSpec } from '../../src/sandbox/control/types.js';
import { examine, expectProblems, inVod, type BadSetUp, type ExpectedProblem } from '../support/doctor.js';
import { startTestbed, type Testbed } from '../support/testbed.js';

const bed = await startTestbed();
t.teardown(() => bed[Symbol.asyncDispose]());

interface BadQueue extends BadSetUp {
  /** Attributes of the queue. */
  queue?: Partial<QueueSpec>;
}

const remote = bed.sandbox.url.replace('127.0.0.1', '0.0.0.0');

function inQueue(status: 'warn' | 'fail', id: string, remedy: RegExp): ExpectedProblem {
  return { area: 'queue vod-events', id, status, remedy };
}

const badSetUps: readonly BadQueue[] = [
  {
    what: 'a visibility timeout that a lost PubAck outlasts',
    queue: { visibilityMs: 5_000 },
    finds: [inQueue('warn', 'visibility', /VisibilityTimeout of the queue to 30/)],
  },
  {
    what: 'a visibility timeout that a settle outlasts',
    queue: { visibilityMs: 1_000 },
    faults: [{ kind: 'slow-body', operation: 'BatchDelete', chunkBytes: 8, delayMs: 20 }],
    finds: [inQueue('fail', 'visibility', /VisibilityTimeout of the queue to 30/)],
  },
  {
    what: 'a visibility timeout of an hour',
    queue: { visibilityMs: 3_600_000 },
    finds: [inQueue('warn', 'visibility', /VisibilityTimeout of the queue to 30/)],
  },
  {
    what: 'a retention of ten minutes',
    queue: { retentionMs: 600_000 },
    finds: [inQueue('warn', 'retention', /MessageRetentionPeriod of the queue to 345600/)],
  },
  {
    what: 'a retention no longer than the visibility timeout',
    queue: { retentionMs: 60_000, visibilityMs: 60_000 },
    finds: [inQueue('fail', 'retention', /MessageRetentionPeriod/)],
  },
  {
    what: 'a delay of each message',
    queue: { delayMs: 60_000 },
    finds: [inQueue('warn', 'delay', /DelaySeconds of the queue to 0/)],
  },
  {
    what: 'a queue for small messages',
    queue: { maximumMessageBytes: 4096 },
    finds: [inQueue('warn', 'message-size', /MaximumMessageSize of the queue to 65536/)],
  },
  {
    what: 'a FIFO queue',
    queue: { type: 'fifo', tellsPolicies: true },
    finds: [inQueue('fail', 'type', /standard queue/)],
  },
  {
    what: 'a dead-letter policy that comes before our attempts are used up',
    queue: { deadLetter: { queue: 'dead', maxReceiveCount: 3 }, tellsPolicies: true },
    finds: [inQueue('warn', 'dead-letter-queue', /MaxReceiveCount of the queue to 10 .*maxAttempts to 3/)],
  },
  {
    what: 'a dead-letter queue that is received from as well',
    queue: { deadLetter: { queue: 'dead', maxReceiveCount: 16 }, tellsPolicies: true },
    config: { queues: [bed.queue('vod-events'), bed.queue('dead')] },
    finds: [inQueue('warn', 'dead-letter-queue', /mode: replay for dead/)],
  },
  {
    what: 'plain http to another host',
    queueConfig: { endpoint: remote, allowPlainHttp: true },
    // The endpoint of its VOD is plain too, since the sandbox has no other.
    finds: [
      inQueue('warn', 'tls', /endpoint: https:.*allowPlainHttp: false/),
      inVod(bed, 'warn', 'tls', /endpoint: https:/),
    ],
  },
  {
    what: 'polls that do not wait',
    queueConfig: { receive: { wait: '0s' } },
    finds: [inQueue('warn', 'polling', /receive\.wait: 20s/)],
  },
  {
    what: 'many polls that wait',
    queueConfig: { receive: { pollers: { min: 16, max: 16 } } },
    finds: [inQueue('warn', 'polling', /receive\.pollers\.min: 1/)],
  },
];

t.test('the doctor finds what is wrong with a queue, and nothing else', async (t) => {
  for (const { what, queue = {}, queueConfig = {}, config = {}, faults = [], finds } of badSetUps) {
    await t.test(what, async (t) => {
      await seedQueues(bed, queue);
      await bed.control.setFaults(faults);
      const queues = [bed.queue('vod-events', queueConfig)];
      expectProblems(t, await examine(bed, { queues, ...config }), finds);
      await bed.control.clearFaults();
    });
  }
});

/** The queue `vod-events` anew, with these attributes, and a dead-letter queue. */
async function seedQueues({ control }: Testbed, attributes: Partial<QueueSpec>): Promise<void> {
  const { queues } = await control.state();
  for (const name of Object.keys(queues)) await control.deleteQueue(name);
  await control.createQueue({ name: 'vod-events', ...attributes });
  await control.createQueue({ name: 'dead', tellsPolicies: true });
}
