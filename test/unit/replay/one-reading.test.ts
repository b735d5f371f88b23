/** The relay, a replay and `dead-letters show` say the same of one message. */
import t from 'tap';
import { today } from '../../../src/commands/dead-letters/show.js';
import type { ReadingPolicy } from '../../../src/decode/read-message.js';
import { deadLetterHeaders, readDeadLetterHeaders, type DeadLetter } from '../../../src/event/dead-letter.js';
import type { EventOrigin } from '../../../src/event/vod-event.js';
import type { Publication } from '../../../src/nats/publish/publisher.js';
import { createRelay } from '../../../src/relay/relay.js';
import { contentOfLetter } from '../../../src/replay/dead-letter-source.js';
import type { StoredDeadLetter } from '../../../src/replay/dead-letter-stream.js';
import type { Content } from '../../../src/replay/item.js';
import { originOf } from '../../../src/replay/read-dead-letter.js';
import { deletionBody, foreignBody } from '../../support/vod-messages.js';

const enqueuedAtMs = Date.parse('2026-03-20T08:00:00Z');
const queueOf = (
  account: string,
): { name: string; vod: { region: string; account: string; endpoint: string } } => ({
  name: 'q',
  vod: { region: 'cn-shanghai', account, endpoint: 'https://vod.cn-shanghai.aliyuncs.com' },
});
const origin: EventOrigin = { region: 'cn-shanghai', account: '1', queue: 'q' };
const followUp = { policy: 'orphans', guard: true } as const;

const bodies: [what: string, body: string | Uint8Array][] = [
  ['a deletion', deletionBody()],
  ['a deletion in Base64', Buffer.from(deletionBody()).toString('base64')],
  ['an event of another type', foreignBody()],
  ['no JSON', 'no JSON'],
  ['nothing', ''],
  ['a deletion without an id', deletionBody({ MediaId: '' })],
  ['bytes that are no text', Buffer.from([0x61, 0xff, 0xfe])],
];

for (const foreignEvents of ['forward', 'dead-letter', 'discard'] as const) {
  t.test(`foreignEvents: ${foreignEvents}`, async (t) => {
    const policy: ReadingPolicy = { prefix: 'vod', foreignEvents };
    for (const [what, body] of bodies) {
      const relayed = await relay(body, policy);
      const replayed = contentOf(letterOf(body), [queueOf('1')], policy);
      const shown = show(letterOf(body), [queueOf('1')], policy);
      switch (replayed.kind) {
        case 'event': {
          const { id, subject } = replayed.message;
          t.match(relayed, { subject, msgId: id }, what);
          t.match(
            shown,
            new RegExp(`publishes it as event ${id}\non ${subject.replaceAll('.', '\\.')}$`),
            what,
          );
          break;
        }
        case 'undecodable': {
          const { code, reason, at } = replayed;
          const headers = { 'Dead-Letter-Code': code, 'Dead-Letter-Reason': reason, 'Dead-Letter-At': at };
          t.match(relayed, { stream: 'VOD_DEAD_LETTERS', headers }, what);
          t.match(
            shown,
            code === 'foreign-refused' ? `a replay leaves it: ${reason}` : `${code}, ${reason} (${at})`,
          );
          break;
        }
        case 'left':
        case 'follow-up':
          t.equal(relayed, undefined, `${what} is published nowhere`);
          t.match(shown, `a replay leaves it: foreignEvents is set to ${foreignEvents}`);
      }
    }
  });
}

t.test('of a queue whose owner cannot be told, a replay leaves an event, and show says so', (t) => {
  const letter = letterOf(deletionBody());
  const policy: ReadingPolicy = { prefix: 'vod', foreignEvents: 'forward' };
  const rows: [queues: ReturnType<typeof queueOf>[], kind: Content['kind'], shown: string][] = [
    [[queueOf('1')], 'event', 'a replay publishes it as event'],
    [[queueOf('1'), queueOf('1')], 'event', 'a replay publishes it as event'],
    [[queueOf('1'), queueOf('2')], 'left', 'a replay leaves it: two accounts have a queue q'],
    [[], 'left', 'a replay leaves it: the configuration has no queue q'],
  ];
  for (const [queues, kind, shown] of rows) {
    t.equal(contentOf(letter, queues, policy).kind, kind);
    t.match(show(letter, queues, policy), shown);
  }
  t.end();
});

/** @returns what the relay publishes for a message, if anything. */
async function relay(body: string | Uint8Array, policy: ReadingPolicy): Promise<Publication | undefined> {
  let published: Publication | undefined;
  const run = createRelay({
    ...policy,
    publisher: {
      publish: async (publication) => {
        published = publication;
        return { seq: 1, duplicate: false };
      },
    },
    origin,
    maxAttempts: 3,
    onSettled: () => undefined,
  });
  const message = typeof body === 'string' ? { body } : { body: '', bodyBytes: Buffer.from(body) };
  await run({
    message: { ...message, messageId: 'M', damaged: false, attempt: 1, enqueuedAtMs, properties: {} },
    signal: new AbortController().signal,
    interruption: undefined,
    ack: async () => true,
    release: async () => true,
    abandon: () => undefined,
  });
  return published;
}

/** The dead letter that keeps such a body, as the stream gives it. */
function letterOf(body: string | Uint8Array): StoredDeadLetter {
  const facts = {
    queue: 'q',
    messageId: 'M',
    attempt: 1,
    enqueuedAtMs,
    code: 'too-deep',
    reason: '',
    at: '',
  };
  const letter = { ...facts, body } as DeadLetter;
  const headers = deadLetterHeaders(letter);
  const subject = 'vod.dead-letter.q.too-deep';
  return { ...readDeadLetterHeaders(headers, 0), id: 1, subject, headers, body: Buffer.from(body) };
}

function contentOf(
  letter: StoredDeadLetter,
  queues: ReturnType<typeof queueOf>[],
  policy: ReadingPolicy,
): Content {
  const planOf = (): never => {
    throw new Error('no follow-up');
  };
  return contentOfLetter(letter, originOf(queues, letter.queue), policy, planOf).content;
}

function show(letter: StoredDeadLetter, queues: ReturnType<typeof queueOf>[], policy: ReadingPolicy): string {
  const { prefix, foreignEvents } = policy;
  return today(letter, { queues, nats: { prefix }, foreignEvents, followUp }).join('\n');
}
