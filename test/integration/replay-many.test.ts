import t from 'tap';
import { storedDeadLetters } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { deletionBody } from '../support/vod-messages.js';
import { ended, replayConfig, runReplay, storeDeadLetters, storeEvents } from '../unit/replay/replay-run.js';

const letters = Number(process.env['REPLAY_MESSAGES'] ?? 7_000);

t.test(`${letters} dead letters are replayed in a heap that does not hold them`, async (t) => {
  await using testbed = await startTestbed();
  await storeEvents(testbed, 'vod-events', []);
  const padding = 'x'.repeat(8_000);
  for (let first = 0; first < letters; first += 1_000) {
    const bodies = Array.from({ length: Math.min(1_000, letters - first) }, (_, index) =>
      deletionBody({ MediaId: `media-${first + index}`, Padding: padding }),
    );
    await storeDeadLetters(
      testbed,
      bodies.map((body) => ({ queue: 'vod-events', code: 'attempts-exhausted', body })),
    );
  }
  const config = await replayConfig(testbed, ['vod-events']);
  const args = [
    'replay',
    '--config',
    config,
    '--json',
    '--dead-letters',
    '--until',
    '0s',
    '--rate',
    '100000',
  ];
  await using replay = startWorkerProcess(args, { nodeFlags: ['--max-old-space-size=64'] });
  const { code, figures } = await ended(replay);
  t.match({ code, ...figures }, { code: 0, seen: letters, published: letters });
  const subjects = (await storedDeadLetters(testbed.nats.url)).map(({ subject }) =>
    subject.endsWith('.done'),
  );
  t.same(new Set(subjects), new Set([true]));
});

t.test(
  'a scan stops at the messages that MNS lets it hold, and says how many it has not looked at',
  async (t) => {
    await using testbed = await startTestbed({ queues: [{ name: 'dlq', visibilityMs: 60_000 }] });
    const { control } = testbed;
    await storeEvents(testbed, 'dlq', []);
    await control.feed(
      'dlq',
      Array.from({ length: 5_020 }, () => ({ body: 'nonsense' })),
    );
    await control.setFaults([{ kind: 'early-empty-poll', count: 1 }]);
    const config = await replayConfig(testbed, ['dlq']);
    const { code, figures } = await runReplay(config, '--dry-run', '--rate', '10000');
    t.match(
      { code, ...figures },
      { code: 1, seen: 5_000, undecodable: 5_000, notLookedAt: 20, released: 5_000 },
    );
    const isWhole = async (): Promise<boolean> => (await control.state()).queues['dlq']?.active === 5_020;
    await until(isWhole, { what: 'all are visible again' });
  },
);
