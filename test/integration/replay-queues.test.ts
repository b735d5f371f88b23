import t from 'tap';
import { startTestbed, type Testbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';
import { ended, replayConfig, runReplay, startReplay, storeEvents } from '../unit/replay/replay-run.js';

t.test('--keep and --to leave the queue as it is', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq' }] });
  await storeEvents(testbed, 'dlq', []);
  await testbed.control.feed(
    'dlq',
    ['a', 'b'].map((id) => ({ body: deletionBody({ MediaId: id }) })),
  );
  const config = await replayConfig(testbed, ['dlq']);
  for (const args of [['--keep'], ['--to', 'vod.replay.x']]) {
    await until(async () => (await stateOf(testbed)).active === 2, { what: 'both are visible' });
    // The limit spares the polls that would find the queue empty.
    const { code, figures } = await runReplay(config, '--limit', '2', ...args);
    t.match({ code, ...figures }, { code: 0, published: 2, released: 2 }, args.join(' '));
  }
  t.equal((await contents(testbed)).length, 2);
});

t.test('a message that cannot be deleted is told, and the next replay suppresses it', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq', visibilityMs: 3_000 }] });
  const { control } = testbed;
  await storeEvents(testbed, 'dlq', []);
  await control.feed('dlq', [{ body: deletionBody() }]);
  await control.setFaults([{ kind: 'partial-delete', code: 'MessageNotExist' }]);
  const config = await replayConfig(testbed, ['dlq']);
  const first = await runReplay(config);
  t.match(
    { code: first.code, ...first.figures },
    { code: 1, seen: 1, published: 1, notDeleted: 1, settled: false },
  );
  await control.clearFaults();
  const second = await runReplay(config);
  t.match({ code: second.code, ...second.figures }, { code: 0, seen: 1, published: 0, suppressed: 1 });
  t.equal((await contents(testbed)).length, 0);
});

t.test('a scan that is stopped gives back what it holds', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'dlq', visibilityMs: 60_000 }] });
  await storeEvents(testbed, 'dlq', []);
  await testbed.control.feed(
    'dlq',
    Array.from({ length: 40 }, (_, index) => ({ body: `nonsense ${index}` })),
  );
  const config = await replayConfig(testbed, ['dlq']);
  await using replay = startReplay(config, '--rate', '10');
  await until(async () => (await stateOf(testbed)).received >= 20, { what: 'some are held' });
  replay.kill('SIGTERM');
  const { code, figures } = await ended(replay);
  t.match({ code, ...figures }, { code: 1, end: 'stopped', published: 0, notDeleted: 0 });
  t.equal(figures.released, (await stateOf(testbed)).received);
  await until(async () => (await stateOf(testbed)).active === 40, {
    what: 'all are visible long before the timeout',
  });
});

async function stateOf({ control }: Testbed): Promise<{ active: number; received: number }> {
  return (await control.state()).queues['dlq'] ?? { active: -1, received: -1 };
}

async function contents({ sandbox }: Testbed): Promise<string[]> {
  return sandbox.actions
    .remaining('dlq')
    .map(({ id, bodyBase64 }) => `${id} ${bodyBase64}`)
    .sort();
}
