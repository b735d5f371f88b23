/**
 * `vod-relay doctor` on good set-ups, and what it does not do. The other doctor-*.test.ts have the bad ones.
 */
import { StorageType, connect, nanos } from 'nats';
import t from 'tap';
import { closedPort, examine, expectProblems, runDoctor, streamsOf } from '../support/doctor.js';
import { failedDeletion, longAgoMs } from '../support/orphans.js';
import { codeBlocks } from '../support/pages.js';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

t.test('a good set-up has no problem, and the doctor changes nothing in it', async (t) => {
  const queue = { name: 'vod-events', tellsPolicies: true };
  await using good = await startTestbed({
    queues: [queue, { name: 'dead' }],
    vodEventQueue: 'vod-events',
  });
  const config = { queues: [good.queue('vod-events'), good.queue('dead', { mode: 'replay' })] };
  await good.control.seedMedia([{ mediaId: 'orphan', parts: 3, createdMs: longAgoMs() }]);
  await good.control.feed('vod-events', [{ body: failedDeletion('orphan') }]);
  const worker = await good.startWorker(config);
  await until(async () => (await good.control.vodCalls()).length > 0, { what: 'an upload is deleted' });
  await until(async () => (await good.control.state()).queues['vod-events']?.deleted === 1, {
    what: 'the message is settled',
  });

  await t.test('while a worker runs', async (t) => {
    const examined = await examine(good, config);
    expectProblems(t, examined, []);
    t.same(
      examined.results.filter(({ status }) => status === 'info').map(({ area, id }) => `${area}: ${id}`),
      [
        'queue vod-events: mns:BatchReceiveMessage',
        'queue dead: mns:BatchReceiveMessage',
        'queue dead: dead-letter-queue',
        'NATS: sync-interval',
        'NATS: publish',
      ].filter((line) => line !== 'NATS: publish' || tellsNoPermissions(examined.results)),
      'all but what nobody can know is judged',
    );
    const remedyOf = (queue: string): string | undefined =>
      examined.results.find(({ area, id }) => area === queue && id === 'mns:BatchReceiveMessage')?.remedy;
    t.match(remedyOf('queue vod-events'), 'deploy/ram/relay.json');
    t.match(remedyOf('queue dead'), 'deploy/ram/replay.json', 'for a queue that only a replay receives from');
    const consumers = examined.results.filter(({ area }) => /^consumer follow-up/.test(area));
    for (const { what } of consumers) t.match(what, /1 replica reads from it/);
    t.equal(consumers.length, 2);
  });
  worker.kill();
  await worker.exit;

  await t.test('with messages waiting that nobody is to touch', async (t) => {
    await good.control.feed('vod-events', [{ body: deletionBody({ MediaId: 'waits' }) }]);
    // Not even a media with the id that the doctor asks about loses its parts.
    await good.control.seedMedia([{ mediaId: 'vod-relay-doctor', parts: 3, createdMs: longAgoMs() }]);
    const before = await stateOf(good);
    for (const role of ['both', 'relay', 'follow-up'] as const) {
      expectProblems(t, await examine(good, config, role), []);
    }
    t.same(await stateOf(good), before);
    const remaining = await good.control.remaining('vod-events');
    t.match(remaining, [{ state: 'active', dequeueCount: 0 }]);
  });
});

t.test('before the first start nothing is wrong, and nothing is made', async (t) => {
  await using fresh = await startTestbed();
  expectProblems(t, await examine(fresh), []);
  t.same(await streamsOf(fresh), []);
});

t.test('each role has its own checks', async (t) => {
  await using bed = await startTestbed();
  const areas = async (role: 'relay' | 'follow-up'): Promise<Set<string>> => {
    const { results } = await examine(bed, {}, role);
    return new Set(results.map(({ area }) => area.split(' ')[0] ?? ''));
  };
  t.same([...(await areas('relay'))], ['queue', 'NATS', 'stream']);
  t.same([...(await areas('follow-up'))], ['NATS', 'stream', 'consumer', 'permits', 'VOD']);
});

t.test('what depends on a failure is named once, as not checked', async (t) => {
  await using bed = await startTestbed();
  const config = { nats: { servers: [`nats://127.0.0.1:${await closedPort()}`] } };
  const { code, stdout } = await runDoctor(bed, config, []);
  t.equal(code, 1);
  const rows = stdout.split('\n').filter((line) => /^info +stream VOD_EVENTS /.test(line));
  t.equal(rows.length, 1);
  t.match(rows[0], /not checked, since NATS: connection failed: stream, duplicate-window$/);
  t.match(stdout, /\n\d+ passed, 0 warned, 1 failed\n$/);
});

t.test('its page shows what the doctor says of two mistakes', async (t) => {
  await using bed = await startTestbed({ queues: [{ name: 'vod-events', retentionMs: 3_600_000 }] });
  const connection = await connect({ servers: bed.nats.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({
    name: 'VOD_EVENTS',
    subjects: ['vod.event.>'],
    storage: StorageType.Memory,
    duplicate_window: nanos(3_600_000),
  });
  await connection.close();
  const { stdout } = await runDoctor(bed, {}, ['--role', 'relay']);
  const said = stdout
    .split('\n')
    .filter(
      (line, index, lines) =>
        /^(warn|fail)|failed$/.test(line) || /^(warn|fail)/.test(lines[index - 1] ?? ''),
    );
  // Servers tell more or less, so that more or fewer checks pass.
  const counts = / *\d+ passed/g;
  const [shown = ''] = codeBlocks('docs/doctor.md', 'text');
  t.equal(`${said.join('\n')}\n`.replace(counts, ''), shown.replace(counts, ''));
});

t.test('a configuration that cannot be used is refused as by `run`', async (t) => {
  await using bed = await startTestbed();
  await t.rejects(runDoctor(bed, { nats: { servers: [] } }, []), /nats\.servers/);
});

async function stateOf(testbed: Testbed): Promise<object> {
  const { queues } = await testbed.control.state();
  const { calls: _calls, ...vodState } = await testbed.control.vodState();
  const counts = Object.values(queues).map(({ requests: _requests, ...rest }) => rest);
  return { counts, vodState, streams: await streamsOf(testbed) };
}

/** Servers before 2.10 do not tell a user what it may do. */
function tellsNoPermissions(results: readonly { area: string; id: string; what: string }[]): boolean {
  const { what = '' } = results.find(({ area, id }) => area === 'NATS' && id === 'server') ?? {};
  return / 2\.9\./.test(what);
}
