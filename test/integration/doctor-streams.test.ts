/** `vod-relay doctor` on streams, consumers and permits that are not as they should be. */
import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  connect,
  nanos,
  type JetStreamManager,
  type StreamConfig,
} from 'nats';
import t from 'tap';
import { examine, expectProblems, streamsOf, type ExpectedProblem } from '../support/doctor.js';
import { startTestbed, type ConfigOverrides, type Role } from '../support/testbed.js';

const bed = await startTestbed();
const connection = await connect({ servers: bed.nats.url });
const manager = await connection.jetstreamManager();
t.teardown(async () => {
  await connection.close();
  await bed[Symbol.asyncDispose]();
});
const { accountId } = bed.sandbox;
const dayMs = 86_400_000;

interface BadSetUp {
  what: string;
  /** `prefix` is of this set-up alone, and so are the streams that are named after it. */
  seed?: (prefix: string, manager: JetStreamManager) => Promise<unknown>;
  nats?: ConfigOverrides;
  config?: ConfigOverrides;
  role: Role;
  /** In the area, EVENTS stands for the name of the stream, and so on. */
  finds: readonly ExpectedProblem[];
}

/** The stream of events as `run` makes it, apart from what is said here. */
async function addEvents(prefix: string, changes: Partial<StreamConfig>): Promise<void> {
  await addStream(prefix, 'EVENTS', { max_age: nanos(14 * dayMs), ...changes });
}

async function addStream(prefix: string, kind: string, changes: Partial<StreamConfig>): Promise<void> {
  await manager.streams.add({
    name: `${prefix.toUpperCase()}_${kind}`,
    subjects: [`${prefix}.${kind.toLowerCase().replace('_', '-').replace(/s$/, '')}.>`],
    duplicate_window: nanos(4 * dayMs),
    ...changes,
  });
}

function inEvents(status: 'warn' | 'fail', id: string, remedy: RegExp): ExpectedProblem {
  return { area: 'stream EVENTS', id, status, remedy };
}

const followUp = { durable_name: 'follow-up', ack_policy: AckPolicy.Explicit };

const badSetUps: readonly BadSetUp[] = [
  {
    what: 'streams that nobody has created, and that are not ours to create',
    nats: { manageStreams: false },
    role: 'relay',
    finds: [
      inEvents('fail', 'stream', /^nats stream add P\d+_EVENTS --subjects='p\d+\.event\.>'/),
      { area: 'stream DEAD_LETTERS', id: 'stream', status: 'fail', remedy: /^nats stream add/ },
    ],
  },
  {
    what: 'three copies on a server that is alone',
    nats: { streamReplicas: 3 },
    role: 'relay',
    finds: [
      inEvents('fail', 'stream', /nats\.streamReplicas: 1/),
      { area: 'stream DEAD_LETTERS', id: 'stream', status: 'fail', remedy: /nats\.streamReplicas: 1/ },
    ],
  },
  {
    what: 'fewer copies than the configuration says',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      await addStream(prefix, 'DEAD_LETTERS', { max_age: nanos(30 * dayMs) });
    },
    nats: { streamReplicas: 3 },
    role: 'relay',
    finds: [
      inEvents('warn', 'replicas', /nats\.streamReplicas: 1, or a cluster/),
      { area: 'stream DEAD_LETTERS', id: 'replicas', status: 'warn', remedy: /nats\.streamReplicas: 1/ },
    ],
  },
  {
    what: 'another stream that takes the subjects',
    seed: (prefix) =>
      manager.streams.add({ name: `${prefix.toUpperCase()}_ALL`, subjects: [`${prefix}.event.>`] }),
    role: 'relay',
    finds: [inEvents('fail', 'stream', /nats\.prefix, or nats stream edit P\d+_ALL/)],
  },
  {
    what: 'other subjects',
    seed: (prefix) => addEvents(prefix, { subjects: [`${prefix}.event.DeleteMediaComplete.>`] }),
    role: 'relay',
    finds: [inEvents('fail', 'subjects', /nats stream edit P\d+_EVENTS --subjects='p\d+\.event\.>'/)],
  },
  {
    what: 'the retention of a work queue',
    seed: (prefix) => addEvents(prefix, { retention: RetentionPolicy.Workqueue }),
    role: 'relay',
    finds: [inEvents('fail', 'retention-policy', /--retention=limits/)],
  },
  {
    what: 'storage in memory',
    seed: (prefix) => addEvents(prefix, { storage: StorageType.Memory }),
    role: 'relay',
    finds: [inEvents('fail', 'storage', /--storage=file/)],
  },
  {
    what: 'no PubAck',
    seed: (prefix) => addEvents(prefix, { no_ack: true }),
    role: 'relay',
    finds: [inEvents('fail', 'writable', /nats stream edit P\d+_EVENTS --ack/)],
  },
  {
    what: 'a stream that is sealed',
    seed: async (prefix) => {
      await addEvents(prefix, { max_age: 0 });
      const sealed: Partial<StreamConfig> = { sealed: true };
      await manager.streams.update(`${prefix.toUpperCase()}_EVENTS`, sealed);
    },
    role: 'relay',
    // Sealing makes the policy `new`.
    finds: [inEvents('fail', 'writable', /nats stream rm/), inEvents('warn', 'discard', /--discard=old/)],
  },
  {
    what: 'a limit of the size of messages',
    seed: (prefix) => addEvents(prefix, { max_msg_size: 200_000 }),
    role: 'relay',
    finds: [inEvents('fail', 'message-size', /--max-msg-size=-1/)],
  },
  {
    what: 'new messages discarded when it is full',
    seed: (prefix) => addEvents(prefix, { discard: DiscardPolicy.New, max_msgs: 1_000 }),
    role: 'relay',
    finds: [inEvents('warn', 'discard', /--discard=old/)],
  },
  {
    what: 'old messages dropped before their time',
    seed: (prefix) => addEvents(prefix, { max_msgs: 1_000 }),
    role: 'relay',
    finds: [inEvents('warn', 'limits', /--max-msgs=-1 --max-bytes=-1 --max-msgs-per-subject=-1/)],
  },
  {
    what: 'events kept for less than the configuration says',
    seed: (prefix) => addEvents(prefix, { max_age: nanos(5 * dayMs) }),
    role: 'relay',
    finds: [inEvents('warn', 'max-age', /--max-age=14d/)],
  },
  {
    what: 'a duplicate window below the horizon, and not ours to lengthen',
    seed: async (prefix) => {
      await addEvents(prefix, { duplicate_window: nanos(120_000) });
      await addStream(prefix, 'DEAD_LETTERS', {});
    },
    nats: { manageStreams: false },
    role: 'relay',
    finds: [inEvents('fail', 'duplicate-window', /--dupe-window=4d/)],
  },
  {
    what: 'a duplicate window below a horizon that is set',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      await addStream(prefix, 'DEAD_LETTERS', { duplicate_window: nanos(7 * dayMs) });
    },
    config: { dedupe: { horizon: '7d' } },
    nats: { manageStreams: false },
    role: 'relay',
    finds: [inEvents('fail', 'duplicate-window', /--dupe-window=7d/)],
  },
  {
    what: 'follow-ups that are dropped while they are put off',
    seed: (prefix) =>
      addStream(prefix, 'FOLLOW_UPS', { max_age: nanos(dayMs), duplicate_window: nanos(dayMs) }),
    role: 'follow-up',
    finds: [{ area: 'stream FOLLOW_UPS', id: 'max-age', status: 'fail', remedy: /--max-age=14d/ }],
  },
  {
    what: 'permits that expire, and several of one subject',
    seed: (prefix) =>
      addStream(prefix, 'PERMITS', { max_age: nanos(dayMs), duplicate_window: nanos(120_000) }),
    role: 'follow-up',
    finds: [
      { area: 'stream PERMITS', id: 'permits', status: 'fail', remedy: /--max-msgs-per-subject=1/ },
      { area: 'stream PERMITS', id: 'max-age', status: 'fail', remedy: /--max-age=0s/ },
    ],
  },
  {
    what: 'permits of a replica with another rate',
    seed: async (prefix) => {
      await addStream(prefix, 'PERMITS', { max_msgs_per_subject: 1 });
      for (const number of [1, 2, 3])
        await connection.jetstream().publish(`${prefix}.permit.${accountId}.${number}`);
    },
    role: 'follow-up',
    finds: [
      {
        area: `permits of ${accountId}`,
        id: 'calls-per-second',
        status: 'warn',
        remedy: /followUp\.callsPerSecond: 10 for every replica/,
      },
    ],
  },
  {
    what: 'consumers that nobody has created, and that are not ours to create',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      await addStream(prefix, 'DEAD_LETTERS', {});
      await addStream(prefix, 'FOLLOW_UPS', {});
    },
    nats: { manageStreams: false },
    // Without calls there are no permits.
    config: { followUp: { policy: 'off' } },
    role: 'follow-up',
    finds: [
      {
        area: 'consumer follow-up',
        id: 'consumer',
        status: 'fail',
        remedy: /^nats consumer add P\d+_EVENTS follow-up .*--filter='p\d+\.event\.DeleteMediaComplete\.>'/,
      },
      { area: 'consumer follow-up-postponed', id: 'consumer', status: 'fail', remedy: /^nats consumer add/ },
    ],
  },
  {
    what: 'a consumer that gives up',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      const filter_subject = `${prefix}.event.DeleteMediaComplete.>`;
      await manager.consumers.add(`${prefix.toUpperCase()}_EVENTS`, {
        ...followUp,
        filter_subject,
        max_deliver: 3,
      });
    },
    role: 'follow-up',
    finds: [
      { area: 'consumer follow-up', id: 'settings', status: 'warn', remedy: /restart `vod-relay run`/ },
    ],
  },
  {
    what: 'a consumer without acks',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      const filter_subject = `${prefix}.event.DeleteMediaComplete.>`;
      const ack_policy = AckPolicy.None;
      await manager.consumers.add(`${prefix.toUpperCase()}_EVENTS`, {
        ...followUp,
        filter_subject,
        ack_policy,
      });
    },
    role: 'follow-up',
    finds: [
      { area: 'consumer follow-up', id: 'settings', status: 'fail', remedy: /^nats consumer rm P\d+_EVENTS/ },
    ],
  },
  {
    what: 'events that nobody follows up',
    seed: async (prefix) => {
      await addEvents(prefix, {});
      const filter_subject = `${prefix}.event.DeleteMediaComplete.>`;
      await manager.consumers.add(`${prefix.toUpperCase()}_EVENTS`, { ...followUp, filter_subject });
      await connection.jetstream().publish(`${prefix}.event.DeleteMediaComplete.fail.video.all.m`);
    },
    role: 'follow-up',
    finds: [{ area: 'consumer follow-up', id: 'role', status: 'warn', remedy: /--role follow-up/ }],
  },
];

t.test('the doctor finds what is wrong with streams and consumers, and nothing else', async (t) => {
  for (const [index, { what, seed, nats, config, role, finds }] of badSetUps.entries()) {
    await t.test(what, async (t) => {
      const prefix = `p${index}`;
      await seed?.(prefix, manager);
      const settings = { servers: [bed.nats.url], prefix, ...nats };
      const name = (area: string): string => area.replace(/^stream /, `stream ${prefix.toUpperCase()}_`);
      const before = await streamsOf(bed);
      const examined = await examine(bed, { ...config, nats: settings }, role);
      expectProblems(
        t,
        examined,
        finds.map((problem) => ({ ...problem, area: name(problem.area) })),
      );
      t.same(await streamsOf(bed), before, 'and nothing is changed');
    });
  }
});
