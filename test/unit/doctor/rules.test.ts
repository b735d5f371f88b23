/**
 * Rules that no sandbox and no single server can show: see test/integration/doctor-*.test.ts for the rest.
 */
import t from 'tap';
import { consumerFindings } from '../../../src/doctor/follow-up-checks.js';
import { serverFindings } from '../../../src/doctor/nats-checks.js';
import { mayPublish } from '../../../src/doctor/nats-permissions.js';
import { queueFindings } from '../../../src/doctor/queue-rules.js';
import { roughSpan, span } from '../../../src/doctor/span.js';
import { isCovered, memoryFindings, streamFindings } from '../../../src/doctor/stream-rules.js';
import { settingFindings } from '../../../src/doctor/vod-checks.js';
import { loadConfig } from '../../../src/config/load.js';
import type { StreamFacts } from '../../../src/nats/facts/streams.js';

const dayMs = 86_400_000;

const stream: StreamFacts = {
  subjects: ['vod.event.>'],
  isLimitsRetention: true,
  isOnDisk: true,
  dropsOldest: true,
  maxAgeMs: 14 * dayMs,
  windowMs: 4 * dayMs,
  maxMessages: undefined,
  maxBytes: undefined,
  maxMessagesOfSubject: undefined,
  maxMessageBytes: undefined,
  replicas: 3,
  lagging: [],
  refuses: undefined,
  consumers: 0,
  messages: 0,
  bytes: 0,
  firstStoredAtMs: undefined,
  lastStoredAtMs: undefined,
  matching: 0,
};

const wanted = {
  name: 'VOD_EVENTS',
  subject: 'vod.event.>',
  ageMs: 14 * dayMs,
  leastAgeMs: 0,
  hasIds: true,
  replicas: 3,
  isManaged: true,
};

t.test('copies of a stream in a cluster', async (t) => {
  t.same(streamFindings(stream, wanted, true), [], 'three are enough');
  t.match(streamFindings({ ...stream, replicas: 1 }, wanted, true), [
    { id: 'replicas', status: 'warn', remedy: 'nats stream edit VOD_EVENTS --replicas=3' },
  ]);
  t.match(streamFindings({ ...stream, replicas: 1 }, { ...wanted, replicas: 1 }, true), [
    { id: 'replicas', status: 'warn', remedy: /nats\.streamReplicas: 3/ },
  ]);
  t.match(streamFindings({ ...stream, lagging: ['n2'] }, wanted, true), [
    { id: 'replicas', status: 'warn', what: /n2/, remedy: /nats stream cluster VOD_EVENTS/ },
  ]);
});

t.test('a stream that drops nothing is a risk, and one that is full of it stores nothing', async (t) => {
  const refusing = { ...stream, dropsOldest: false, maxMessages: 100, messages: 99 };
  t.match(streamFindings(refusing, wanted, true), [{ id: 'discard', status: 'warn' }]);
  t.match(streamFindings({ ...refusing, messages: 100 }, wanted, true), [
    {
      id: 'discard',
      status: 'fail',
      what: /full, with 100 of 100 messages/,
      remedy: 'nats stream edit VOD_EVENTS --max-msgs=-1 --max-bytes=-1 --discard=old',
    },
  ]);
  const byBytes = { ...stream, dropsOldest: false, maxBytes: 1_000_000 };
  t.match(streamFindings({ ...byBytes, bytes: 800_000 }, wanted, true), [{ id: 'discard', status: 'warn' }]);
  t.match(streamFindings({ ...byBytes, bytes: 900_000 }, wanted, true), [
    { id: 'discard', status: 'fail', what: /full, with 900000 of 1000000 bytes/ },
  ]);
  const unlimited = { ...refusing, maxMessages: undefined };
  t.match(streamFindings(unlimited, wanted, true), [{ id: 'discard', status: 'warn' }]);
});

t.test('a mirror takes nothing', async (t) => {
  t.match(streamFindings({ ...stream, refuses: 'mirror' }, wanted, true), [
    { id: 'writable', status: 'fail' },
  ]);
});

t.test('the memory that ids take is told once the rate is known', async (t) => {
  t.same(memoryFindings(stream), []);
  const young = { ...stream, messages: 100, firstStoredAtMs: 0, lastStoredAtMs: 60_000 };
  t.same(memoryFindings(young), []);
  // Ten a second over four days.
  const day = { ...stream, messages: 864_000, firstStoredAtMs: 0, lastStoredAtMs: dayMs };
  t.match(memoryFindings(day), [{ status: 'info', what: /about 3456000 ids in 4d: 946 MiB/ }]);
});

t.test('a subject is covered by a wider one', async (t) => {
  const rows: [narrow: string, wide: string, isCovered: boolean][] = [
    ['vod.event.>', 'vod.event.>', true],
    ['vod.event.>', 'vod.>', true],
    ['vod.event.>', '>', true],
    ['vod.event.>', 'vod.event.*', false],
    ['vod.event.>', 'vod.event.a.>', false],
    ['vod.permit.1.*', 'vod.permit.*.*', true],
    ['vod.permit.1.*', 'vod.permit.1.2', false],
    ['vod.permit.1', 'vod.permit.1.>', false],
    ['vod.permit.1.2', 'vod.permit.1', false],
  ];
  for (const [narrow, wide, expected] of rows) {
    t.equal(isCovered(narrow, wide), expected, `${narrow} by ${wide}`);
  }
});

t.test('a user may publish what is allowed and not denied', async (t) => {
  const rows: [allow: string[] | undefined, deny: string[], may: boolean][] = [
    [undefined, [], true],
    [['vod.>'], [], true],
    [['vod.dead-letter.>'], [], false],
    [undefined, ['vod.>'], false],
    [['vod.>'], ['vod.event.DeleteMediaComplete.>'], false],
    [['vod.>'], ['other.>'], true],
  ];
  for (const [allow, deny, may] of rows) {
    t.equal(mayPublish({ allow, deny }, 'vod.event.>'), may, `${String(allow)} but not ${String(deny)}`);
  }
});

t.test('the version of the server', async (t) => {
  const rows: [version: string, isOld: boolean][] = [
    ['2.9.9', true],
    ['2.9.10', false],
    ['2.10.0-RC.1', false],
    ['2.8.99', true],
    ['1.99.99', true],
    ['3.0.0', false],
    ['', true],
  ];
  for (const [version, isOld] of rows) {
    const [finding] = serverFindings({ version, maxPayloadBytes: 1_048_576, isClustered: false });
    t.equal(finding?.status, isOld ? 'fail' : 'pass', version);
  }
});

t.test('a server that calls duplicate what it never stores is told of where it has a cluster', (t) => {
  const rows: [version: string, isClustered: boolean, status: string][] = [
    ['2.10.27', true, 'warn'],
    ['2.10.0', true, 'warn'],
    ['2.10.27', false, 'pass'],
    ['2.9.10', true, 'pass'],
    ['2.15.1', true, 'pass'],
    ['2.100.0', true, 'pass'],
  ];
  for (const [version, isClustered, status] of rows) {
    const [finding] = serverFindings({ version, maxPayloadBytes: 1_048_576, isClustered });
    t.equal(finding?.status, status, `${version} ${isClustered ? 'in a cluster' : 'alone'}`);
    if (status === 'warn') t.match(finding, { what: /duplicate .* never stores/, remedy: /2\.15\.1/ });
  }
  t.end();
});

t.test('a queue of another account than its VOD', async (t) => {
  const folder = t.testdir({
    'relay.json': JSON.stringify({
      queues: [
        {
          name: 'vod-events',
          endpoint: 'https://111.mns.cn-shanghai.aliyuncs.com',
          vod: { region: 'cn-shanghai', account: '222' },
        },
      ],
      credentials: { type: 'ecs_ram_role' },
      nats: { servers: ['tls://nats.example.com'] },
    }),
  });
  const config = loadConfig({ files: [`${folder}/relay.json`], env: {} });
  const [queue] = config.queues;
  if (!queue) throw new Error('there is a queue');
  const attributes = {
    visibilityMs: 30_000,
    retentionMs: 4 * dayMs,
    delayMs: 0,
    maximumMessageBytes: 65_536,
    type: 'normal',
    deadLetter: 'none' as const,
    serverTimeMs: undefined,
  };
  t.match(queueFindings(queue, attributes, config), [
    { id: 'account', status: 'warn', remedy: /vod\.account: '111'/ },
  ]);
  const own = { ...queue, vod: { ...queue.vod, account: '111' } };
  t.same(queueFindings(own, attributes, config), []);
});

t.test('an endpoint of VOD in another region', async (t) => {
  const vod = (endpoint: string): Parameters<typeof settingFindings>[0] => ({
    region: 'cn-shanghai',
    account: '1',
    endpoint,
  });
  for (const host of ['vod.cn-beijing', 'vod-vpc.cn-beijing'])
    t.match(settingFindings(vod(`https://${host}.aliyuncs.com`), false, 10), [
      {
        id: 'region',
        status: 'fail',
        remedy: `queues[].vod.endpoint: https://${host.replace('beijing', 'shanghai')}.aliyuncs.com`,
      },
    ]);
  for (const host of ['vod.cn-shanghai', 'vod-vpc.cn-shanghai'])
    t.match(settingFindings(vod(`https://${host}.aliyuncs.com`), false, 10), [{ status: 'pass' }]);
});

t.test('a consumer that is paused, or delays by itself', async (t) => {
  const is = {
    filterSubject: 'vod.event.>',
    isExplicitAck: true,
    maxDeliver: undefined,
    hasBackoff: false,
    isPaused: false,
    waiting: 2,
    underWay: 0,
    pending: 5,
  };
  const consumer = {
    stream: 'VOD_EVENTS',
    durable: 'follow-up',
    filterSubject: 'vod.event.>',
    isManaged: false,
    isAlwaysRead: true,
  };
  t.match(consumerFindings(is, consumer), [{ status: 'pass', what: /2 replicas read/ }]);
  t.match(consumerFindings({ ...is, isPaused: true }, consumer), [
    { id: 'paused', status: 'warn', remedy: 'nats consumer resume VOD_EVENTS follow-up' },
  ]);
  t.match(consumerFindings({ ...is, hasBackoff: true }, consumer), [
    { id: 'settings', status: 'fail', remedy: /^nats consumer rm VOD_EVENTS follow-up/ },
  ]);
});

t.test('spans of time', async (t) => {
  t.same([0, 12, 1_000, 90_000, 7_200_000, 4 * dayMs].map(span), ['0ms', '12ms', '1s', '90s', '2h', '4d']);
  t.same([301_000, 26 * 3_600_000, 59_999].map(roughSpan), ['5m', '1d', '1m']);
});
