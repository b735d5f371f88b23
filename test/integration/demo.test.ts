import t from 'tap';
import { findNatsServer } from '../../deploy/local/nats-server.mjs';
import type { DemoResult } from '../../src/demo/report.js';
import { startWorkerProcess } from '../support/worker-process.js';

t.test(
  'the demo accounts for every message and every orphaned upload under faults, and exits 0',
  async (t) => {
    const env = { NATS_SERVER_BIN: findNatsServer(process.env) ?? '' };
    await using demo = startWorkerProcess(['demo', '--json'], { env });
    t.same(await demo.exit, { code: 0, signal: null }, demo.stderr);
    const { balanced, ledger } = JSON.parse(demo.stdout) as DemoResult;
    t.equal(balanced, true);
    t.equal(ledger.sent, 10_080);
    t.equal(ledger.inTheStream, ledger.unique);
    t.same([ledger.lost, ledger.sentTwice, ledger.unexpected, ledger.leftInTheQueue], [0, 0, 0, 0]);
    const { orphanedBefore, orphanedAfter, blocked, liveUploadsAborted, withoutOneOutcome } = ledger;
    t.same(
      { orphanedBefore, orphanedAfter, blocked, liveUploadsAborted, withoutOneOutcome },
      { orphanedBefore: 70, orphanedAfter: 6, blocked: 6, liveUploadsAborted: 0, withoutOneOutcome: 0 },
    );
    t.ok(ledger.postponed > 0, 'uploads are put off');
  },
);

t.test('the demo refuses fewer events than show anything', async (t) => {
  await using demo = startWorkerProcess(['demo', '--events', '10']);
  t.equal((await demo.exit).code, 1);
  t.match(demo.stderr, /at least 10000/);
});
