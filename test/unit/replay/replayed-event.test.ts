import fc from 'fast-check';
import t from 'tap';
import { fromCloudEvent, toCloudEvent, withReplayId } from '../../../src/event/cloud-event.js';
import { recodedDeadLetterId, replayedEventId } from '../../../src/event/event-id.js';
import { anyDeleteMediaComplete } from '../event/arbitrary-events.js';

const origin = { region: 'cn-shanghai', account: '1', queue: 'vod-events' };
const enqueued = '2026-09-25T01:28:34.123Z';

t.test('the event of a stored CloudEvent is the one that was published', async () => {
  fc.assert(
    fc.property(anyDeleteMediaComplete, (event) => {
      const { id, body } = toCloudEvent(event, origin, enqueued);
      const stored = fromCloudEvent(body);
      t.equal(stored?.id, id);
      // JSON knows no -0 and the like: what counts is what was stored.
      t.strictSame(stored?.event, JSON.parse(JSON.stringify(event)));
    }),
    { numRuns: 50 },
  );
});

t.test('of a foreign event, type and media are read back', async (t) => {
  const event = {
    kind: 'foreign',
    eventType: 'Odd%Type',
    mediaId: 'media/1%',
    json: '{"EventType":"Odd%Type","Big":9007199254740993}',
  } as const;
  const stored = fromCloudEvent(toCloudEvent(event, origin, enqueued).body);
  t.match(stored, { time: enqueued, event: { kind: 'foreign', eventType: 'Odd%Type', mediaId: 'media/1%' } });
});

t.test('what is no CloudEvent of ours is not read', async (t) => {
  const bodies = ['', '{', 'null', '[]', '{}', '{"id":"1","time":"t","type":"com.example.x","data":{}}'];
  for (const body of bodies) t.equal(fromCloudEvent(body), undefined, body);
});

t.test('the replay id is added once, and changes nothing else', async (t) => {
  const event = {
    kind: 'foreign',
    eventType: 'E',
    json: '{"EventType":"E","Big":9007199254740993}',
  } as const;
  const { body } = toCloudEvent(event, origin, enqueued);
  const marked = withReplayId(body, 'r-1');
  t.equal(marked, `{"replayid":"r-1",${body.slice(1)}`, 'numbers beyond 2^53 and all');
  t.equal(withReplayId(marked, 'r-2'), `{"replayid":"r-2",${body.slice(1)}`);
});

t.test('ids of a replay differ by replay and event, those of a dead letter by code and reason', async (t) => {
  t.equal(replayedEventId('r', 'e'), replayedEventId('r', 'e'));
  t.equal(
    new Set(
      [
        ['r', 'e'],
        ['s', 'e'],
        ['r', 'f'],
      ].map(([r = '', e = '']) => replayedEventId(r, e)),
    ).size,
    3,
  );
  const ids = [
    ['i', 'c', 'r'],
    ['j', 'c', 'r'],
    ['i', 'd', 'r'],
    ['i', 'c', 's'],
  ];
  t.equal(new Set(ids.map(([i = '', c = '', r = '']) => recodedDeadLetterId(i, c, r))).size, 4);
});
