import { equal } from 'node:assert/strict';
import t from 'tap';
import { failedDeletion, finalOutcomes, longAgoMs, untilAllHaveOutcomes } from '../support/orphans.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { storedDeadLetters, storedEvents, storedMessages } from '../support/stored-messages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { sumOf, workerHttp } from '../support/worker-http.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';
import { deletionBody } from '../support/vod-messages.js';
import { replayConfig, runReplay } from '../unit/replay/replay-run.js';

const queue = 'vod-events';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const senderSpanId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${senderSpanId}-01`;

/** The input of a test: a body, in a trace. */
async function feed(testbed: Testbed, body: string, trace: Record<string, string>): Promise<string> {
  const systemProperties = Object.entries(trace).map(([name, value]) => ({ name, value }));
  const [messageId = ''] = await testbed.control.feed(queue, [{ body, systemProperties }]);
  return messageId;
}

function exportingTo({ url }: { url: string }): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20let-me-in' };
}

/** A stop sends the spans that are left. */
async function stopped(...workers: readonly WorkerProcess[]): Promise<void> {
  for (const worker of workers) worker.kill();
  for (const { code } of await Promise.all(workers.map(({ exit }) => exit))) equal(code, 0);
}

function only(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  equal(found.length, 1, `one span ${name} among ${spans.map((span) => span.name).join(', ')}`);
  return found[0] as ReceivedSpan;
}

function under(receiver: OtlpReceiver, parent: ReceivedSpan): ReceivedSpan[] {
  const children = receiver.spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  return children.sort((a, b) => Number(a.startNs - b.startNs));
}

t.test('one trace leads from MNS through NATS to the call of VOD, across processes', async (t) => {
  const accessKeySecret = 'kept-well-secret';
  await using testbed = await startTestbed({ credentials: [{ accessKeyId: 'known-id', accessKeySecret }] });
  await using receiver = await startOtlpReceiver();
  const { control, nats } = testbed;
  await control.seedMedia([{ mediaId: 'one', parts: 2, createdMs: longAgoMs() }]);
  const messageId = await feed(testbed, failedDeletion('one'), { traceparent, tracestate: 'vendor=here' });
  const relay = await testbed.startWorker({}, 'relay', exportingTo(receiver));
  const followUp = await testbed.startWorker({}, 'follow-up', exportingTo(receiver));
  t.same(await untilAllHaveOutcomes(testbed, ['one']), { deleted: 1 });
  await stopped(relay, followUp);

  t.same(receiver.refused, []);
  const [event] = await storedEvents(nats.url);
  const [outcome] = await finalOutcomes(testbed);
  const [call] = await control.vodCalls();
  t.same(
    [...new Set(receiver.spans.map((span) => span.traceId))],
    [traceId],
    'all in the trace of the sender',
  );

  const processed = only(receiver.spans, `process ${queue}`);
  t.match(processed, {
    parentSpanId: senderSpanId,
    kind: 'CONSUMER',
    isError: false,
    resource: { 'service.name': 'vod-relay', 'service.version': /^\d+\.\d+\.\d+/ },
    attributes: {
      'messaging.destination.name': queue,
      'messaging.message.id': messageId,
      'vod_relay.attempt': '1',
      'vod_relay.outcome': 'published',
      'vod_relay.event_id': event?.event.id,
    },
  });
  const relayed = under(receiver, processed);
  t.same(
    relayed.map(({ name, kind }) => [name, kind]),
    [
      ['decode', 'INTERNAL'],
      ['publish VOD_EVENTS', 'PRODUCER'],
      [`ack ${queue}`, 'CLIENT'],
    ],
  );
  const published = only(relayed, 'publish VOD_EVENTS');
  t.match(published.attributes, {
    'messaging.destination.name': event?.subject,
    'messaging.message.id': event?.event.id,
    'vod_relay.duplicate': false,
  });
  t.equal(event?.headers['traceparent'], `00-${traceId}-${published.spanId}-01`, 'NATS carries it on');
  t.equal(event?.headers['tracestate'], 'vendor=here');

  const followedUp = only(receiver.spans, 'process follow-up');
  t.match(followedUp, {
    parentSpanId: published.spanId,
    kind: 'CONSUMER',
    attributes: { 'vod_relay.media_id': 'one', 'vod_relay.outcome': 'deleted' },
  });
  const steps = under(receiver, followedUp);
  const isOutside =
    (parent: ReceivedSpan) =>
    ({ startNs, endNs }: ReceivedSpan): boolean =>
      startNs < parent.startNs || endNs > parent.endNs;
  const outside = [...relayed.filter(isOutside(processed)), ...steps.filter(isOutside(followedUp))];
  t.same(outside, [], 'each stage is within its message');
  t.same(
    steps.map(({ name, kind }) => [name, kind]),
    [
      ['permit', 'INTERNAL'],
      ['GetVideoInfo', 'CLIENT'],
      ['DeleteMultipartUpload', 'CLIENT'],
      ['publish VOD_FOLLOW_UPS', 'PRODUCER'],
      ['ack follow-up', 'CLIENT'],
    ],
  );
  t.equal(followedUp.attributes['vod_relay.request_id'], call?.requestId);
  const told = only(steps, 'publish VOD_FOLLOW_UPS');
  t.equal(outcome?.headers['traceparent'], `00-${traceId}-${told.spanId}-01`, 'so does its outcome');

  t.equal(receiver.requests[0]?.['authorization'], 'Bearer let-me-in');
  const spans = JSON.stringify(receiver.spans, (_key, value: unknown) =>
    typeof value === 'bigint' ? '' : value,
  );
  const everything = [spans, relay.stdout, relay.stderr, followUp.stdout, followUp.stderr].join('\n');
  for (const secret of [accessKeySecret, 'known-id', 'let-me-in', 'ACS3-HMAC']) {
    t.notOk(everything.includes(secret), `not ${secret}`);
  }
});

t.test(
  'a follow-up that is put off and taken up again stays in the trace, and a failed call shows',
  async (t) => {
    await using testbed = await startTestbed();
    await using receiver = await startOtlpReceiver();
    await testbed.control.seedMedia([{ mediaId: 'one', parts: 2, createdMs: longAgoMs() }]);
    await testbed.control.setFaults([{ kind: 'vod-error', code: 'InternalError', media: 'one', count: 1 }]);
    await feed(testbed, failedDeletion('one'), { traceparent });
    const worker = await testbed.startWorker({}, 'both', exportingTo(receiver));
    t.same(await untilAllHaveOutcomes(testbed, ['one']), { deleted: 1 });
    await stopped(worker);
    const takenUp = receiver.spans.filter(({ name }) => name === 'process follow-up');
    t.same(
      takenUp
        .map(({ attributes }) => attributes['vod_relay.outcome'])
        .filter((outcome) => outcome !== 'redelivered'),
      ['postponed', 'deleted'],
    );
    const failed = receiver.spans.filter(({ isError }) => isError);
    t.match(failed, [{ name: 'GetVideoInfo', attributes: { 'error.type': 'InternalError' } }]);
    t.equal(failed.length, 1);
    t.same([...new Set(receiver.spans.map((span) => span.traceId))], [traceId]);
  },
);

t.test(
  'without a collector, the trace of a message is handed on as it is, and a malformed one is not',
  async (t) => {
    await using testbed = await startTestbed();
    const { nats, control } = testbed;
    await control.seedMedia([{ mediaId: 'one', parts: 2, createdMs: longAgoMs() }]);
    await feed(testbed, failedDeletion('one'), { traceparent, tracestate: 'vendor=here' });
    await feed(testbed, 'no event', { traceparent });
    await feed(testbed, deletionBody({ MediaId: 'two' }), {
      traceparent: `${traceparent} x`,
      tracestate: 'a=b',
    });
    const worker = await testbed.startWorker();
    await untilAllHaveOutcomes(testbed, ['one', 'two']);
    await until(async () => (await storedDeadLetters(nats.url)).length === 1, {
      what: 'the dead letter is stored',
    });
    const inTrace = { traceparent, tracestate: 'vendor=here' };
    const traces = async (stream: string): Promise<unknown[]> =>
      (await storedMessages(nats.url, stream))
        .filter(({ subject }) => !subject.includes('.replay-checkpoint.'))
        .map(({ headers }) =>
          Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('trace'))),
        );
    t.same(new Set(await traces('VOD_EVENTS')), new Set([inTrace, {}]));
    t.same(new Set(await traces('VOD_FOLLOW_UPS')), new Set([inTrace, {}]));
    t.same(await traces('VOD_DEAD_LETTERS'), [{ traceparent }]);

    await stopped(worker);
    await feed(testbed, deletionBody({ MediaId: 'three' }), { traceparent });
    const config = await replayConfig(testbed, [queue]);
    await runReplay(config, '--queue', queue, '--to', 'vod.replay.traced');
    await runReplay(config, '--events', '--media-id', 'one', '--to', 'vod.replay.traced');
    t.same(await traces('VOD_REPLAYS'), [{ traceparent }, inTrace], 'and a replay hands it on');
  },
);

t.test(
  'a message that its sender does not want to see sampled is not, and says so to the next',
  async (t) => {
    await using testbed = await startTestbed();
    await using receiver = await startOtlpReceiver();
    await feed(testbed, deletionBody({ MediaId: 'unseen' }), {
      traceparent: traceparent.replace(/01$/, '00'),
    });
    await feed(testbed, deletionBody({ MediaId: 'seen' }), {});
    const worker = await testbed.startWorker({}, 'relay', exportingTo(receiver));
    await until(async () => (await storedEvents(testbed.nats.url)).length === 2, { what: 'both are stored' });
    await stopped(worker);
    const events = await storedEvents(testbed.nats.url);
    const unseen = events.find(({ event }) => event.data['mediaId'] === 'unseen');
    t.match(unseen?.headers['traceparent'], new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    const processed = only(receiver.spans, `process ${queue}`);
    t.equal(processed.parentSpanId, '', 'the other is in a trace of its own');
    t.not(processed.traceId, traceId);
  },
);

t.test('a collector that takes nothing holds no message up, and is told of once', async (t) => {
  await using testbed = await startTestbed();
  const bodies = Array.from({ length: 1_000 }, (_, index) => ({
    body: deletionBody({ MediaId: `m${index}` }),
  }));
  await testbed.control.feed(queue, bodies);
  // The sandbox knows no such path: it refuses each batch for good.
  const env = { ...exportingTo(testbed.sandbox), OTEL_BSP_SCHEDULE_DELAY: '50' };
  const worker = await testbed.startWorker({}, 'relay', env);
  await until(async () => (await testbed.control.state()).queues[queue]?.deleted === 1_000, {
    what: 'all are relayed',
  });
  const line = await worker.waitForLog(({ message }) => String(message).startsWith('spans lost'));
  t.equal(line['level'], 'warn');
  const http = await workerHttp(worker);
  await until(
    async () => {
      const samples = await http.scrape();
      const [recorded, failed] = ['recorded', 'failed'].map((result) =>
        sumOf(samples, 'vod_relay_spans_total', { result }),
      );
      return recorded === 4_000 && Number(failed) > 0 && Number(failed) <= 4_000;
    },
    { what: 'four spans a message are counted, and some as failed' },
  );
  await stopped(worker);
  t.equal(worker.logs.filter(({ message }) => String(message).startsWith('spans lost')).length, 1);
  t.notOk(worker.stdout.includes('let-me-in'));
});

t.test('a collector that cannot be spoken to is a problem of the configuration', async (t) => {
  const check = async (env: Record<string, string>): Promise<[number | null, string]> => {
    const files = ['config', 'check', '--config', 'config/sandbox.yaml'];
    const worker = startWorkerProcess(files, { env });
    const { code } = await worker.exit;
    return [code, worker.stderr];
  };
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  const rows: [Record<string, string>, RegExp][] = [
    [
      { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL: must be http\/protobuf/,
    ],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER: must be otlp or none: value was "zipkin"/],
    [{ ...endpoint, OTEL_TRACES_SAMPLER: 'some' }, /OTEL_TRACES_SAMPLER: must be one of always_on/],
    [
      { ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      /SAMPLER_ARG: must be a number/,
    ],
    [
      { ...endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '0' },
      /EXPORT_BATCH_SIZE: must be a whole number from 1/,
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'me:secret@host' },
      /OTLP_TRACES_ENDPOINT: must be an address(?!.*secret)/,
    ],
  ];
  for (const [env, problem] of rows) {
    const [code, stderr] = await check(env);
    t.equal(code, 78);
    t.match(stderr, problem);
  }
  t.equal(
    (
      await check({
        ...endpoint,
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.1',
      })
    )[0],
    0,
  );
  t.equal(
    (await check({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }))[0],
    0,
    'off is off',
  );
});
