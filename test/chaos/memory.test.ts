import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import t from 'tap';
import { peakBytes, peakFlags } from '../support/peak.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { startWorkerProcess } from '../support/worker-process.js';

const messages = 600;
const heapMebibytes = 48;
/** The memory of the process besides its heap, and the bodies in it. */
const mostBytes = 190 * 1_048_576;
/** Long enough for everything in flight to be due a dozen times. */
const frozenMs = 6_000;

t.test('large bodies, slow PubAcks and a NATS that freezes: memory is bounded, all is stored', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events', visibilityMs: 60_000 }] });
  const { sandbox, nats, folder } = testbed;
  await using proxy = await startTcpProxy({ port: nats.port });
  proxy.setLatencyMs(400);
  const state = () => sandbox.actions.state().queues['vod-events'];
  // One character outside Latin-1 doubles what a text takes.
  const pad = `${'x'.repeat(61_800)}媒`;
  const bodies = Array.from({ length: messages }, (_, n) => ({
    body: deletionBody({ MediaId: `m-${n}`, pad }),
  }));
  sandbox.actions.feed('vod-events', bodies);
  const file = join(folder, 'relay.json');
  const { accessKeyId, accessKeySecret } = sandbox;
  const config = {
    queues: [testbed.queue('vod-events')],
    credentials: { type: 'access_key', accessKeyId, accessKeySecret },
    nats: { servers: [`nats://127.0.0.1:${proxy.port}`], ackTimeout: '1s' },
    http: { host: '127.0.0.1', port: 0 },
  };
  await writeFile(file, JSON.stringify(config));
  const nodeFlags = [`--max-old-space-size=${heapMebibytes}`, ...(await peakFlags(folder))];
  await using worker = startWorkerProcess(['run', '--role', 'relay', '--config', file], { nodeFlags });

  let hasEnded = false;
  void worker.exit.then(() => (hasEnded = true));
  await until(() => hasEnded || (state()?.deleted ?? 0) > messages / 4, { what: 'messages flow' });
  nats.pause();
  const frozenAtMs = performance.now();
  await until(() => performance.now() - frozenAtMs > frozenMs, { what: 'the outage is over' });
  nats.resume();
  await until(() => hasEnded || state()?.deleted === messages, {
    what: 'all are deleted',
    timeoutMs: 120_000,
  });
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  const peak = peakBytes(worker.stderr) ?? Infinity;
  t.ok(peak < mostBytes, `the process took ${Math.round(peak / 1_048_576)} MiB`);
  const connection = await connect({ servers: nats.url });
  const manager = await connection.jetstreamManager();
  const stored = (await manager.streams.info('VOD_EVENTS')).state;
  await connection.close();
  t.match(stored, { messages, num_subjects: messages }, 'each event once');
});
