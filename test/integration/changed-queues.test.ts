/**
 * Queues that change while they are received from: what the worker has read at its start does not hold for
 * ever.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, nanos, type JetStreamManager } from 'nats';
import t from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { createLog } from '../../src/operate/log.js';
import { createCommandTelemetry } from '../../src/operate/telemetry.js';
import { runWorker } from '../../src/worker/worker.js';
import { heldTimers, type HeldTimers } from '../support/held-timers.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

/** Windows are four days long where nothing asks for more. */
const dayMs = 86_400_000;

t.test('a queue made again with a longer retention lengthens the windows without a restart', async (t) => {
  const queue = { name: 'vod-events', retentionMs: 5 * dayMs };
  await using testbed = await startTestbed({ queues: [queue] });
  const manager = await managerOf(testbed, t);
  const worker = await testbed.startWorker();
  await worker.waitForLog(({ message }) => message === 'MNS receive started');
  t.equal(await windowOf(manager, 'VOD_EVENTS'), nanos(5 * dayMs));

  await testbed.control.deleteQueue('vod-events');
  await worker.waitForLog(({ code }) => code === 'QueueNotExist');
  await testbed.control.createQueue({ ...queue, retentionMs: 6 * dayMs });
  const told = await worker.waitForLog(({ message }) => isChange(message));
  t.match(told, { level: 'info', queue: 'vod-events', retentionMs: 6 * dayMs });
  for (const stream of ['VOD_EVENTS', 'VOD_DEAD_LETTERS'])
    t.equal(await windowOf(manager, stream), nanos(6 * dayMs), stream);
});

t.test('the attributes of a queue are read again now and then', async (t) => {
  await using testbed = await startTestbed({
    queues: [{ name: 'vod-events', retentionMs: 6 * dayMs, visibilityMs: 60_000 }],
  });
  const { control } = testbed;
  const manager = await managerOf(testbed, t);
  await using worker = await startWithin(testbed);
  const { lines, clock } = worker;
  await until(() => lines.some(({ message }) => message === 'MNS receive started'), {
    what: 'it receives',
  });
  /** Changes the queue, and resolves once the worker has told of it. */
  const change = async (attributes: { retentionMs?: number; visibilityMs?: number }): Promise<unknown> => {
    const before = lines.length;
    await control.createQueue({ name: 'vod-events', ...attributes });
    const told = (): unknown => lines.slice(before).find(({ message }) => isChange(message));
    return await until(
      () => {
        clock.fire();
        return told();
      },
      { what: 'it is told', everyMs: 100 },
    );
  };

  await t.test('a longer retention lengthens the windows', async (t) => {
    t.match(await change({ retentionMs: 7 * dayMs }), { level: 'info', retentionMs: 7 * dayMs });
    t.equal(await windowOf(manager, 'VOD_EVENTS'), nanos(7 * dayMs));
    t.equal(await windowOf(manager, 'VOD_DEAD_LETTERS'), nanos(7 * dayMs));
    await until(
      async () => {
        clock.fire();
        return (await windowOf(manager, 'VOD_FOLLOW_UPS')) === nanos(7 * dayMs);
      },
      { what: 'the outcomes are remembered for as long', everyMs: 100 },
    );
  });

  await t.test('a shorter one shortens nothing', async (t) => {
    t.match(await change({ retentionMs: dayMs }), { level: 'info', retentionMs: dayMs });
    t.equal(await windowOf(manager, 'VOD_EVENTS'), nanos(7 * dayMs));
  });

  await t.test(
    'a visibility timeout that is another is told, and what fails meanwhile as well',
    async (t) => {
      await control.setFaults([{ kind: '500', operation: 'GetQueueAttributes', count: 1 }]);
      t.match(await change({ visibilityMs: 30_000 }), { visibilityMs: 30_000 });
      t.ok(
        lines.some(({ message }) =>
          /^queue attributes unreadable, using the previous ones/.test(String(message)),
        ),
      );
    },
  );

  await control.feed('vod-events', [{ body: deletionBody() }]);
  await until(async () => (await control.state()).queues['vod-events']?.deleted === 1, { what: 'it relays' });
});

t.test('windows that are not the worker’s to lengthen are said to be too short', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events', retentionMs: 5 * dayMs }] });
  await using worker = await startWithin(testbed, { dedupe: { horizon: '5d' } });
  const { lines, clock } = worker;
  await until(() => lines.some(({ message }) => message === 'MNS receive started'), {
    what: 'it receives',
  });
  await testbed.control.createQueue({ name: 'vod-events', retentionMs: 6 * dayMs });
  const told = await until(
    () => {
      clock.fire();
      return lines.find(({ level, retentionMs }) => level === 'warn' && retentionMs === 6 * dayMs);
    },
    { what: 'it is told', everyMs: 100 },
  );
  t.match(told, { queue: 'vod-events', advice: /dedupe\.horizon/ });
});

interface WorkerWithin extends AsyncDisposable {
  clock: HeldTimers;
  lines: Record<string, unknown>[];
}

/** A worker in this process, whose timers of a minute and more the test fires. */
async function startWithin(testbed: Testbed, overrides: object = {}): Promise<WorkerWithin> {
  const { accessKeyId, accessKeySecret } = testbed.sandbox;
  const file = join(testbed.folder, 'within.json');
  const config = {
    queues: [testbed.queue('vod-events')],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [testbed.nats.url] },
    ...overrides,
  };
  await writeFile(file, JSON.stringify(config));
  const clock = heldTimers(60_000);
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', {
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const stop = new AbortController();
  const ended = runWorker({
    config: loadConfig({ files: [file], env: {}, requireLive: true }),
    role: 'both',
    clock,
    telemetry: createCommandTelemetry(log, clock),
    stop: stop.signal,
    abandon: new AbortController().signal,
  });
  return {
    clock,
    lines,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

async function managerOf({ nats }: Testbed, t: Tap): Promise<JetStreamManager> {
  const connection = await connect({ servers: nats.url });
  t.teardown(() => connection.close());
  return await connection.jetstreamManager();
}

async function windowOf(manager: JetStreamManager, stream: string): Promise<number> {
  return (await manager.streams.info(stream)).config.duplicate_window;
}

function isChange(message: unknown): boolean {
  return String(message).startsWith('queue attributes changed');
}

type Tap = Pick<typeof t, 'teardown'>;
