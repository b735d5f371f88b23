import { connect as connectRaw } from 'node:net';
import { AckPolicy, connect, nanos, type ConsumerConfig, type NatsConnection } from 'nats';
import t from 'tap';
import type { Job } from '../../../../src/nats/jobs/job.js';
import type { JobQueue, JobQueueOptions } from '../../../../src/nats/jobs/job-queue.js';
import { systemClock, type Clock } from '../../../../src/time.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { startTcpProxy } from '../../../support/tcp-proxy.js';
import { until } from '../../../support/until.js';
import { openStore, type OpenStore, type Report } from '../../../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const manager = await client.jetstreamManager();
t.teardown(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

/** Longer than a job needs that is handed out at once, and shorter than the 15 s of one that is stuck. */
const atOnceMs = 10_000;
let prefixes = 0;

t.test('hands each job out with what is known of it, and never again once it is acked', async (t) => {
  await using bed = await aBed();
  await bed.publish('a', 'b');
  client.publish(`${bed.prefix}.event.other`, 'not for this queue');
  const seen: Job[] = [];
  const done: boolean[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job);
    done.push(await job.ack());
  });
  await until(() => done.length === 2, { what: 'both are done' });
  t.same(done, [true, true]);
  t.match(seen, [
    { subject: `${bed.prefix}.event.job`, text: 'a', streamSeq: 1, deliveries: 1 },
    { text: 'b', streamSeq: 2, deliveries: 1 },
  ]);
  const { time } = await manager.streams.getMessage(bed.stream, { seq: 2 });
  t.equal(seen[1]?.storedAtMs, time.getTime());
  t.match(await consumerOf(bed), {
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(15_000),
    max_deliver: -1,
    max_ack_pending: 100,
    backoff: undefined,
  });
  await bed.publish('c');
  await until(() => done.length === 3, { what: 'a job that comes later is done' });
  t.same(
    seen.map(({ text }) => text),
    ['a', 'b', 'c'],
  );
  t.same(bed.names(), ['jobQueueRunning']);
});

t.test(
  'a job whose headers the library cannot decode comes without them, and the next one comes',
  async (t) => {
    await using bed = await aBed();
    const seen: Job[] = [];
    using _running = bed.run(bed.queue(), async (job) => {
      seen.push(job);
      await job.ack();
    });
    const raw = connectRaw(server.port, '127.0.0.1');
    raw.write(`CONNECT {"headers":true,"verbose":false}\r\n`);
    for (const headers of ['my note: x', 'nöte: x', 'note: a\nb'])
      raw.write(rawPublication(`${bed.prefix}.event.job`, headers, 'odd'));
    await until(() => seen.length === 3, { what: 'the odd ones come', timeoutMs: atOnceMs });
    await bed.publish('plain');
    await until(() => seen.length === 4, { what: 'the plain one comes', timeoutMs: atOnceMs });
    t.same(
      seen.map(({ text }) => text),
      ['odd', 'odd', 'odd', 'plain'],
    );
    t.same(bed.names(), ['jobQueueRunning']);
    raw.destroy();
  },
);

function rawPublication(subject: string, header: string, body: string): string {
  const headers = `NATS/1.0\r\n${header}\r\n\r\n`;
  const length = Buffer.byteLength(headers);
  return `HPUB ${subject} ${length} ${length + Buffer.byteLength(body)}\r\n${headers}${body}\r\n`;
}

t.test('a job is handed out again after the delay that is asked for', async (t) => {
  await using bed = await aBed();
  await bed.publish('a');
  const seen: [deliveries: number, atMs: number][] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push([job.deliveries, performance.now()]);
    if (seen.length < 3) job.redeliver(seen.length === 1 ? 300 : 0);
    else await job.ack();
  });
  await until(() => seen.length === 3, { what: 'it came three times' });
  t.same(
    seen.map(([deliveries]) => deliveries),
    [1, 2, 3],
  );
  const [[, firstMs], [, secondMs]] = seen as [[number, number], [number, number]];
  t.ok(secondMs - firstMs > 250, `not before: ${secondMs - firstMs} ms`);
});

t.test('a delay that no server can count does not bring a job back at once', async (t) => {
  for (const delayMs of [1e300, Infinity, NaN, 2 ** 53, 9.3e12]) {
    await using bed = await aBed();
    await bed.publish('a');
    let came = 0;
    using _running = bed.run(bed.queue(), async (job) => {
      came++;
      if (job.text === 'a') job.redeliver(delayMs);
      else await job.ack();
    });
    await until(() => came === 1, { what: 'it came' });
    await bed.publish('b');
    await until(() => came >= 2, { what: 'the next one came' });
    const { delivered } = await manager.consumers.info(bed.stream, bed.durable);
    t.equal(delivered.consumer_seq, 2, `${delayMs}`);
  }
});

t.test('a consumer that is made says so, and that its jobs may have been done before', async (t) => {
  await using bed = await aBed();
  await bed.publish('a', 'b');
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(`${job.text} ${job.isNew}`);
    await job.ack();
  });
  await until(() => seen.length === 2, { what: 'both are done' });
  await manager.consumers.delete(bed.stream, bed.durable);
  await until(() => seen.length === 4, { what: 'both come again' });
  t.same(seen.toSorted(), ['a false', 'a false', 'b false', 'b false']);
  t.match(
    bed.opened.reports.filter(([name]) => name === 'consumerMade'),
    [
      ['consumerMade', bed.durable, bed.stream, 2],
      ['consumerMade', bed.durable, bed.stream, 2],
    ],
  );
});

t.test('a job tells the time of NATS, whatever the clock of this machine says', async (t) => {
  for (const aheadMs of [-8 * 86_400_000, 0, 8 * 86_400_000]) {
    await using bed = await aBed({ clock: { ...systemClock, now: () => Date.now() + aheadMs } });
    await bed.publish('a');
    const told: number[] = [];
    using _running = bed.run(bed.queue(), async (job) => {
      told.push(await job.serverNowMs());
      await job.ack();
    });
    await until(() => told.length === 1, { what: 'it came' });
    t.ok(Math.abs((told[0] ?? 0) - Date.now()) < 60_000, `${aheadMs}`);
  }
});

t.test('fetches no more than can be begun', async (t) => {
  await using bed = await aBed();
  await bed.publish(...Array.from({ length: 20 }, (_, index) => `job ${index}`));
  const ends: (() => void)[] = [];
  let inFlight = 0;
  let most = 0;
  let done = 0;
  using _running = bed.run(bed.queue({ maxInFlight: 3 }), async (job) => {
    most = Math.max(most, ++inFlight);
    await new Promise<void>((resolve) => ends.push(resolve));
    inFlight--;
    await job.ack();
    done++;
  });
  await until(() => ends.length === 3, { what: 'three are begun' });
  t.equal((await manager.consumers.info(bed.stream, bed.durable)).num_ack_pending, 3);
  await until(
    () => {
      ends.shift()?.();
      return done === 20;
    },
    { what: 'all are done', everyMs: 5 },
  );
  t.equal(most, 3);
  t.same(await deliveriesOf(bed), 20, 'and none was given back');
});

t.test('a job that its handler leaves is handed out again later, and reported', async (t) => {
  await using bed = await aBed();
  await bed.publish('rejects', 'leaves');
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(`${job.text} ${job.deliveries}`);
    if (job.deliveries > 1) await job.ack();
    else if (job.text === 'rejects') throw new Error('a bug');
  });
  await until(() => seen.length === 4, { what: 'each came twice' });
  t.same(seen.toSorted(), ['leaves 1', 'leaves 2', 'rejects 1', 'rejects 2']);
  const failures = bed.opened.reports.filter(([name]) => name === 'jobFailed');
  t.match(failures.map(([, durable, error]) => [durable, (error as Error).message]).toSorted(), [
    [bed.durable, 'a bug'],
    [bed.durable, 'the job was neither acked nor given back'],
  ]);
});

t.test('keeps a job while its handler runs, and not after', async (t) => {
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, run) => {
      delays.push(delayMs);
      return systemClock.after(delayMs === 5_000 ? 20 : delayMs, run);
    },
  };
  await using bed = await aBed({ clock });
  await bed.publish('a');
  const words: string[] = [];
  const listening = client.subscribe(`$JS.ACK.${bed.stream}.>`, {
    callback: (_error, message) => words.push(message.string()),
  });
  using _running = bed.run(bed.queue(), async (job) => {
    await until(() => words.length >= 3, { what: 'it is kept' });
    await job.ack();
  });
  await until(() => words.includes('+ACK'), { what: 'it is acked' });
  t.same(words.slice(0, 3), ['+WPI', '+WPI', '+WPI']);
  t.ok(delays.includes(5_000), 'every third of the 15 s after which the server hands it out again');
  const kept = words.length;
  await bed.publish('b');
  await until(() => words.filter((word) => word === '+ACK').length === 2, { what: 'the next is acked' });
  t.same(words.slice(kept), ['+ACK'], 'the first is no longer kept');
  listening.unsubscribe();
});

t.test('a stop begins nothing more, waits for what runs, and strands nothing', async (t) => {
  await using bed = await aBed();
  const rounds = 12;
  for (let round = 0; round < rounds; round++) {
    await using other = await openStore({ servers: [server.url], prefix: bed.prefix });
    const stop = new AbortController();
    const begun = new Set<string>();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const running = bed.queueOf(other, { maxInFlight: 20 }).run(async (job) => {
      t.notOk(stop.signal.aborted, 'nothing is begun after the stop');
      begun.add(job.text);
      await ended;
      await job.ack();
    }, stop.signal);
    const texts = Array.from({ length: 40 }, (_, index) => `${round}-${index}`);
    // The stop comes while messages are on their way, at another moment in each round.
    const publishing = bed.publish(...texts);
    await until(() => begun.size > round, { what: 'some are begun', everyMs: 1 });
    stop.abort();
    end();
    await running;
    await publishing;
    const left = new Set(texts.filter((text) => !begun.has(text)));
    const rest = new Set<string>();
    using _running = bed.run(bed.queue({ maxInFlight: 50 }), async (job) => {
      rest.add(job.text);
      await job.ack();
    });
    await until(() => rest.size === left.size, { what: 'another has the rest', timeoutMs: atOnceMs });
    t.same(rest, left);
  }
});

t.test('what is given back during a stop is handed out at once', async (t) => {
  await using bed = await aBed();
  await bed.publish('a', 'b');
  const stop = new AbortController();
  let begun = 0;
  const running = bed.queue().run(async (job) => {
    begun++;
    await new Promise((resolve) => {
      stop.signal.addEventListener('abort', resolve);
    });
    job.redeliver(0);
  }, stop.signal);
  await until(() => begun === 2, { what: 'both are begun' });
  stop.abort();
  await running;
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job.text);
    await job.ack();
  });
  await until(() => seen.length === 2, { what: 'both are back', timeoutMs: atOnceMs });
  t.same(seen.toSorted(), ['a', 'b']);
});

t.test('goes on when the consumer is deleted, and says so once', async (t) => {
  await using bed = await aBed();
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job.text);
    await job.ack();
  });
  await until(() => bed.names().includes('jobQueueRunning'), { what: 'it runs' });
  await manager.consumers.delete(bed.stream, bed.durable);
  await until(() => bed.names().length === 3, { what: 'it runs again' });
  t.same(bed.names(), ['jobQueueRunning', 'jobQueueFailed', 'jobQueueRunning']);
  await bed.publish('a');
  await until(() => seen.length === 1, { what: 'the job comes' });
});

t.test('waits for a stream that is not there, and can be stopped meanwhile', async (t) => {
  await using bed = await aBed({ isLater: true });
  const stop = new AbortController();
  const stopped = bed.queue().run(async () => undefined, stop.signal);
  await until(() => bed.names().includes('jobQueueFailed'), { what: 'it is reported' });
  t.match(bed.opened.reports.at(-1), ['jobQueueFailed', bed.durable, 'stream not found', Number]);
  stop.abort();
  await stopped;
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job.text);
    await job.ack();
  });
  await bed.add();
  await bed.publish('a');
  await until(() => seen.length === 1, { what: 'the job comes' });
  t.equal(bed.names().at(-1), 'jobQueueRunning');
});

t.test('goes on after the connection broke', async (t) => {
  await using proxy = await startTcpProxy(server);
  await using bed = await aBed({ url: `nats://127.0.0.1:${proxy.port}` });
  const seen = new Set<string>();
  using _running = bed.run(bed.queue(), async (job) => {
    seen.add(job.text);
    await job.ack();
  });
  await until(() => bed.names().includes('jobQueueRunning'), { what: 'it runs' });
  for (let round = 1; round <= 3; round++) {
    proxy.resetConnections();
    await until(() => bed.names('reconnected').length === round, { what: 'it is connected again' });
    await bed.publish(`${round}`);
    await until(() => seen.has(`${round}`), { what: 'a job comes', timeoutMs: atOnceMs });
  }
  t.same(bed.names('jobQueueFailed'), [], 'a lost connection is reported as such');
});

t.test('goes on after the server was silent', async (t) => {
  await using proxy = await startTcpProxy(server);
  await using bed = await aBed({ url: `nats://127.0.0.1:${proxy.port}` });
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job.text);
    await job.ack();
  });
  await until(() => bed.names().includes('jobQueueRunning'), { what: 'it runs' });
  proxy.setBlackHole(true);
  await until(() => bed.names().includes('jobQueueFailed'), { what: 'the silence is noticed' });
  t.match(bed.opened.reports.at(-1), ['jobQueueFailed', bed.durable, 'the consumer does not answer']);
  proxy.setBlackHole(false);
  await bed.publish('a');
  await until(() => seen.length === 1, { what: 'the job comes' });
});

t.test('goes on after a restart of the server, with what was not done', async (t) => {
  await using own = await startNatsServer();
  const connection = await connect({ servers: own.url, maxReconnectAttempts: -1 });
  await using bed = await aBed({ url: own.url, connection });
  const seen: string[] = [];
  using _running = bed.run(bed.queue(), async (job) => {
    seen.push(job.text);
    await job.ack();
  });
  await bed.publish('a');
  await until(() => seen.length === 1, { what: 'a job comes' });
  await own.restart();
  await until(() => bed.publish('b').then(() => true), { what: 'the stream takes the next' });
  await until(() => seen.includes('b'), { what: 'it comes' });
  t.same([...new Set(seen)], ['a', 'b']);
  await connection.close();
});

t.test('a consumer that exists', async (t) => {
  await t.test('is changed where it differs', async (t) => {
    await using bed = await aBed();
    await bed.consume({
      filter_subject: `${bed.prefix}.event.old`,
      max_ack_pending: 7,
      ack_wait: nanos(60_000),
    });
    await bed.publish('a');
    const seen: string[] = [];
    using _running = bed.run(bed.queue(), async (job) => {
      seen.push(job.text);
      await job.ack();
    });
    await until(() => seen.length === 1, { what: 'the job comes' });
    t.match(await consumerOf(bed), {
      filter_subject: `${bed.prefix}.event.job`,
      max_ack_pending: 100,
      ack_wait: nanos(15_000),
    });
  });

  await t.test('is used as it is when it is someone else’s', async (t) => {
    await using bed = await aBed({ manageStreams: false });
    await bed.publish('a');
    const seen: string[] = [];
    using _running = bed.run(bed.queue(), async (job) => {
      seen.push(job.text);
      await job.ack();
    });
    await until(() => bed.names().includes('jobQueueFailed'), { what: 'it is missed' });
    t.match(bed.opened.reports.at(-1), ['jobQueueFailed', bed.durable, 'consumer not found']);
    await bed.consume({
      filter_subject: `${bed.prefix}.event.job`,
      max_ack_pending: 7,
      ack_wait: nanos(15_000),
    });
    await until(() => seen.length === 1, { what: 'the job comes' });
    t.match(await consumerOf(bed), { max_ack_pending: 7 });
  });

  await t.test('is not used when it is someone else’s and would do something else', async (t) => {
    await using bed = await aBed({ manageStreams: false });
    await bed.consume({ filter_subject: `${bed.prefix}.event.>`, ack_wait: nanos(15_000) });
    await bed.publish('a');
    let seen = 0;
    using _running = bed.run(bed.queue(), async () => {
      seen++;
    });
    await until(() => bed.names().includes('jobQueueFailed'), { what: 'it is refused' });
    t.match(bed.opened.reports.at(-1)?.[2], /its filter_subject is ".*>", and has to be ".*job"/);
    t.equal(seen, 0);
  });
});

t.test('the backlog is what is not done, and since when', async (t) => {
  await using bed = await aBed();
  const queue = bed.queue();
  await t.rejects(queue.backlog(), /consumer not found/);
  client.publish(`${bed.prefix}.event.other`);
  await bed.publish('a', 'b', 'c');
  const held = new Map<string, Job>();
  using _running = bed.run(queue, async (job) => {
    held.set(job.text, job);
    if (job.text === 'a') await job.ack();
    else await new Promise((resolve) => releases.push(() => void job.ack().then(resolve)));
  });
  const releases: (() => void)[] = [];
  await until(async () => held.size === 3 && (await queue.backlog()).waiting === 2, { what: 'a is done' });
  const { waiting, ageMs } = await queue.backlog();
  t.equal(waiting, 2);
  const storedAtMs = held.get('b')?.storedAtMs ?? 0;
  t.ok(ageMs >= 0 && ageMs <= Date.now() - storedAtMs + 1, 'as old as the second');
  for (const release of releases) release();
  await until(async () => (await queue.backlog()).waiting === 0, { what: 'all are done' });
  t.same(await queue.backlog(), { waiting: 0, ageMs: 0 });
});

interface Bed extends AsyncDisposable {
  opened: OpenStore;
  prefix: string;
  stream: string;
  durable: string;
  add(): Promise<void>;
  publish(...texts: string[]): Promise<void>;
  consume(config: Partial<ConsumerConfig>): Promise<void>;
  queue(options?: Partial<JobQueueOptions>): JobQueue;
  queueOf(opened: OpenStore, options?: Partial<JobQueueOptions>): JobQueue;
  /** Runs it until it is disposed. */
  run(queue: JobQueue, handle: (job: Job) => Promise<void>): Disposable;
  /** The reports of job queues, or those of one event. */
  names(only?: Report[0]): Report[0][];
}

/** A stream of its own for each test. */
async function aBed({
  url = server.url,
  connection = client,
  isLater = false,
  manageStreams = true,
  clock = systemClock,
}: {
  url?: string;
  connection?: NatsConnection;
  isLater?: boolean;
  manageStreams?: boolean;
  clock?: Clock;
} = {}): Promise<Bed> {
  const prefix = `p${++prefixes}`;
  const stream = `P${prefixes}_EVENTS`;
  const durable = `jobs-${prefixes}`;
  const ownManager = connection === client ? manager : await connection.jetstreamManager();
  const opened = await openStore({ servers: [url], prefix, manageStreams }, clock);
  const stop = new AbortController();
  const usual = { durable, filterSubject: `${prefix}.event.job`, maxInFlight: 10, maxAckPending: 100 };
  const runs: Promise<void>[] = [];
  const bed: Bed = {
    opened,
    prefix,
    stream,
    durable,
    async add() {
      await ownManager.streams.add({ name: stream, subjects: [`${prefix}.event.>`] });
    },
    async publish(...texts) {
      const jetStream = connection.jetstream();
      for (const text of texts) await jetStream.publish(`${prefix}.event.job`, text);
    },
    async consume(config) {
      await ownManager.consumers.add(stream, {
        durable_name: durable,
        ack_policy: AckPolicy.Explicit,
        max_deliver: -1,
        ...config,
      });
    },
    queue: (options) => bed.queueOf(opened, options),
    queueOf: (of, options) => of.store.jobQueue({ ...usual, ...options, stream: 'events' }),
    run(queue, handle) {
      const own = new AbortController();
      runs.push(queue.run(handle, AbortSignal.any([own.signal, stop.signal])));
      return {
        [Symbol.dispose]: () => {
          own.abort();
        },
      };
    },
    names: (only) =>
      opened.reports
        .map(([name]) => name)
        .filter((name) => (only === undefined ? name.startsWith('job') : name === only)),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(runs);
      await opened[Symbol.asyncDispose]();
    },
  };
  if (!isLater) await bed.add();
  return bed;
}

async function consumerOf({ stream, durable }: Bed): Promise<ConsumerConfig> {
  return (await manager.consumers.info(stream, durable)).config;
}

/** How often messages were handed out, repetitions included. */
async function deliveriesOf({ stream, durable }: Bed): Promise<number> {
  return (await manager.consumers.info(stream, durable)).delivered.consumer_seq;
}
