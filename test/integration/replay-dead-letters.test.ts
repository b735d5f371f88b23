import { connect, headers } from 'nats';
import t from 'tap';
import { eventId } from '../../src/event/event-id.js';
import { eventSource } from '../../src/event/vod-event.js';
import { storedDeadLetters, storedEvents } from '../support/stored-messages.js';
import { region, startTestbed } from '../support/testbed.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import { replayConfig, runReplay, storeDeadLetters, storeEvents } from '../unit/replay/replay-run.js';

t.test('what a change of the configuration lets through is published and marked done', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events' }] });
  const { nats, sandbox } = testbed;
  await storeEvents(testbed, 'vod-events', []);
  const bodies = ['one', 'two', 'three'].map((id) => foreignBody({ VideoId: id, Big: 1 }));
  const refused = bodies.map((body) => ({ queue: 'vod-events', code: 'foreign-refused' as const, body }));
  await storeDeadLetters(testbed, [...refused, { queue: 'vod-events', code: 'not-json', body: '{' }]);

  const strict = await replayConfig(testbed, ['vod-events'], { foreignEvents: 'dead-letter' });
  const before = await runReplay(strict, '--dead-letters', '--code', 'foreign-refused', '--dry-run');
  t.match(before.figures, { selected: 3, published: 0, undecodable: 3 }, 'nothing would change before');

  const config = await replayConfig(testbed, ['vod-events'], { foreignEvents: 'forward' });
  const dry = await runReplay(config, '--dead-letters', '--code', 'foreign-refused', '--dry-run');
  t.equal((await storedDeadLetters(nats.url)).length, 4);
  const { code, figures } = await runReplay(config, '--dead-letters', '--code', 'foreign-refused');
  t.match({ code, ...figures }, { code: 0, seen: 3, published: 3, undecodable: 0 });
  t.same({ ...dry.figures, dryRun: false, id: figures.id }, figures, 'as the dry run said');

  const source = eventSource({ region, account: sandbox.accountId });
  const ids = bodies.map((json) =>
    eventId(source, { kind: 'foreign', eventType: 'TranscodeComplete', json }),
  );
  t.same(
    (await storedEvents(nats.url)).map(({ event }) => event.id).sort(),
    [...ids].sort(),
    'under the ids they always had',
  );

  const letters = await storedDeadLetters(nats.url);
  const done = letters.filter(({ subject }) => subject.endsWith('.done'));
  t.same(
    letters.map(({ subject }) => subject),
    [
      'vod.dead-letter.vod-events.not-json',
      ...bodies.map(() => 'vod.dead-letter.vod-events.foreign-refused.done'),
    ],
  );
  t.same(
    new Map(done.map(({ text, headers }) => [text, headers['Dead-Letter-Event-Id']])),
    new Map(bodies.map((body, index) => [body, ids[index]])),
    'with their bytes and ids',
  );
  t.match(done[0]?.headers, {
    'Dead-Letter-Replay': figures.id,
    'Dead-Letter-Done': /^\d{4}-\d{2}-\d{2}T/,
    'Dead-Letter-Code': 'foreign-refused',
    'Dead-Letter-Message-Id': 'message-0',
  });
  const second = await runReplay(config, '--dead-letters', '--code', 'foreign-refused');
  t.match(second.figures, { seen: 0 }, 'what is done is not taken up again');
});

t.test('what still is a dead letter stays, with the reason of today', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events' }] });
  const { nats } = testbed;
  await storeEvents(testbed, 'vod-events', []);
  await storeDeadLetters(testbed, [
    { queue: 'vod-events', code: 'attempts-exhausted', reason: 'failed 10 times: Error', body: '' },
    { queue: 'vod-events', code: 'not-json', reason: 'JSON is expected', body: '{"' },
    { queue: 'gone', code: 'not-json', body: deletionBody() },
    { queue: 'vod-events', code: 'publish-rejected', body: deletionBody({ MediaId: 'good' }) },
  ]);
  const config = await replayConfig(testbed, ['vod-events']);
  const { code, figures } = await runReplay(config, '--dead-letters');
  t.match({ code, ...figures }, { code: 0, seen: 4, published: 1, undecodable: 2, left: 1 });
  const letters = await storedDeadLetters(nats.url);
  t.same(
    letters.map(({ subject, seq }) => `${seq} ${subject}`).sort(),
    [
      '2 vod.dead-letter.vod-events.not-json',
      '3 vod.dead-letter.gone.not-json',
      '5 vod.dead-letter.vod-events.empty-body',
      '6 vod.dead-letter.vod-events.publish-rejected.done',
    ].sort(),
  );
  const recoded = letters.find(({ subject }) => subject.endsWith('empty-body'));
  t.match(recoded?.headers, {
    'Dead-Letter-Code': 'empty-body',
    'Dead-Letter-First-Code': 'attempts-exhausted',
    'Dead-Letter-First-Reason': 'failed 10 times: Error',
  });
  const again = await runReplay(config, '--dead-letters');
  t.match(again.figures, { seen: 3, published: 0, undecodable: 2, left: 1 });
  t.equal((await storedDeadLetters(nats.url)).length, 4, 'the same reason writes nothing');
});

t.test('sent elsewhere or kept, a dead letter stays open', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events' }] });
  const { nats } = testbed;
  await storeEvents(testbed, 'vod-events', []);
  await storeDeadLetters(testbed, [{ queue: 'vod-events', code: 'not-json', body: deletionBody() }]);
  const config = await replayConfig(testbed, ['vod-events']);
  for (const args of [['--to', 'vod.replay.x'], ['--keep']]) {
    const { figures } = await runReplay(config, '--dead-letters', ...args);
    t.match(figures, { published: 1 }, args.join(' '));
    t.equal((await storedDeadLetters(nats.url))[0]?.seq, 1);
  }
  const { figures } = await runReplay(config, '--dead-letters');
  t.match(figures, { published: 0, suppressed: 1 }, 'the stream has it by now');
  t.match((await storedDeadLetters(nats.url))[0]?.subject, /\.done$/, 'which is reason enough to be done');
});

t.test('an event that NATS refuses for good is told as failed, and its dead letter stays', async (t) => {
  await using testbed = await startTestbed({ nats: { config: 'max_payload: 4096' } });
  await storeEvents(testbed, 'vod-events', []);
  // The event holds the media id twice, the dead letter once.
  const body = deletionBody({ MediaId: 'm'.repeat(2_000) });
  await storeDeadLetters(testbed, [
    { queue: 'vod-events', code: 'publish-rejected', body },
    { queue: 'vod-events', code: 'publish-rejected', body: deletionBody({ MediaId: 'short' }) },
  ]);
  const config = await replayConfig(testbed, ['vod-events']);
  const { code, figures } = await runReplay(config, '--dead-letters');
  t.match({ code, ...figures }, { code: 1, seen: 2, failed: 1, published: 1, settled: false });
  t.same(
    (await storedDeadLetters(testbed.nats.url)).map(({ subject }) => subject.split('.').slice(3).join('.')),
    ['publish-rejected', 'publish-rejected.done'],
  );
});

t.test('dead letters that have no message id are each kept by a copy of their own', async (t) => {
  await using testbed = await startTestbed({ queues: [{ name: 'vod-events' }] });
  const { nats } = testbed;
  await storeEvents(testbed, 'vod-events', []);
  const bodies = ['a', 'b'].map((id) => deletionBody({ MediaId: id }));
  const nonsense = ['{', '{"'];
  const connection = await connect({ servers: nats.url });
  for (const body of [...bodies, ...nonsense]) {
    const header = headers();
    header.set('Dead-Letter-Queue', 'vod-events');
    header.set('Dead-Letter-Code', 'publish-rejected');
    const subject = 'vod.dead-letter.vod-events.publish-rejected';
    await connection.jetstream().publish(subject, body, { headers: header });
  }
  await connection.close();

  const { code, figures } = await runReplay(await replayConfig(testbed, ['vod-events']), '--dead-letters');
  t.match({ code, ...figures }, { code: 0, published: 2, undecodable: 2 });
  const letters = await storedDeadLetters(nats.url);
  const texts = (wanted: RegExp): string[] =>
    letters.filter(({ subject }) => wanted.test(subject)).map(({ text }) => text);
  t.same(texts(/\.done$/).sort(), bodies);
  t.same(texts(/\.not-json$/).sort(), nonsense);
});
