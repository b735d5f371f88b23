import { headers as createHeaders, connect } from 'nats';
import t from 'tap';
import { toFollowUpEvent } from '../../src/event/follow-up-event.js';
import { deadLetterTimeHeader, readDeadLetterHeaders, type DeadLetter } from '../../src/event/dead-letter.js';
import { deadLetterPublication } from '../../src/nats/publish/publication.js';
import {
  findDeadLetter,
  readDeadLetters,
  type DeadLetterQuery,
  type StoredDeadLetter,
} from '../../src/replay/dead-letter-stream.js';
import { decodeDeadLetter, selectsDeadLetter } from '../../src/replay/read-dead-letter.js';
import { startNatsServer } from '../support/nats-server.js';
import { deletionBody, foreignBody } from '../support/vod-messages.js';
import { openStore } from '../support/open-store.js';

const server = await startNatsServer();
const client = await connect({ servers: server.url });
const opened = await openStore({ servers: [server.url] });
const neverAborted = new AbortController().signal;
await opened.store.ensureHorizon(60_000, neverAborted);
const reader = opened.store.reader();
t.teardown(async () => {
  await opened[Symbol.asyncDispose]();
  await client.close();
  await server[Symbol.asyncDispose]();
});

const enqueuedAtMs = Date.now() - 60_000;

const usual: DeadLetter = {
  queue: 'vod-events',
  messageId: 'M1',
  attempt: 2,
  enqueuedAtMs,
  body: 'no JSON',
  code: 'not-json',
  reason: 'JSON is expected',
  at: 'offset 0',
};

const followUp = {
  eventId: 'e',
  source: 'acs:vod:cn-shanghai:1',
  queue: 'vod-events',
  eventTime: '2026-03-20T07:49:17Z',
  mediaId: 'm',
  mediaType: 'video',
  deleteType: 'all',
  status: 'fail',
  attempts: 0,
  postponements: 0,
  waitMs: 0,
};
const failedFollowUp = toFollowUpEvent(
  { ...followUp, attempts: 9, postponements: 9 },
  { outcome: 'failed', row: 'failed', reason: 'too often', attempts: 10 },
  'vod',
  0,
);

t.test('reads back what a dead letter was published with', async (t) => {
  const id = await publish({});
  const letter = await findDeadLetter(reader, 'vod', id, neverAborted);
  t.match(letter, {
    id,
    subject: 'vod.dead-letter.vod-events.not-json',
    queue: 'vod-events',
    messageId: 'M1',
    attempt: 2,
    enqueuedAtMs,
    code: 'not-json',
    reason: 'JSON is expected',
    at: 'offset 0',
    done: undefined,
  });
  t.equal(Buffer.from(letter?.body ?? []).toString(), 'no JSON');
  t.equal(letter?.timeMs, await storedAtMs(id), 'the time of the server');
  t.equal(await findDeadLetter(reader, 'vod', id + 1000, neverAborted), undefined);
});

t.test('keeps open and done ones, queues and codes apart', async (t) => {
  const ids = {
    other: await publish({ queue: 'other', messageId: 'M2' }),
    deep: await publish({ code: 'too-deep', messageId: 'M3' }),
    done: await publish({ messageId: 'M4' }, { 'Dead-Letter-Done': '2026-03-21T00:00:00.000Z' }),
  };
  const rows: [query: Partial<DeadLetterQuery>, wanted: number[]][] = [
    [{}, [1, ids.other, ids.deep]],
    [{ queue: 'vod-events' }, [1, ids.deep]],
    [{ queue: 'other', code: 'not-json' }, [ids.other]],
    [{ code: 'too-deep' }, [ids.deep]],
    [{ queue: '*' }, []],
    [{ done: true }, [ids.done]],
    [{ done: true, code: 'not-json' }, [ids.done]],
    [{ done: true, queue: 'other' }, []],
    [{ fromId: ids.deep }, [ids.deep]],
    [{ sinceMs: 0 }, [1, ids.other, ids.deep]],
    [{ sinceMs: (await storedAtMs(ids.done)) + 60_000 }, []],
  ];
  for (const [query, wanted] of rows) {
    const found = await letters({ prefix: 'vod', ...query });
    t.same(
      found.map(({ id }) => id),
      wanted,
      JSON.stringify(query),
    );
  }
  t.ok((await letters({ prefix: 'vod', done: true }))[0]?.done);
});

t.test('a copy keeps the time of the first', async (t) => {
  const id = await publish({ messageId: 'M5' }, { [deadLetterTimeHeader]: '2026-01-02T03:04:05.678Z' });
  const letter = await findDeadLetter(reader, 'vod', id, neverAborted);
  t.equal(letter?.timeMs, Date.parse('2026-01-02T03:04:05.678Z'));
});

t.test('a message of someone else does no harm', async (t) => {
  const ack = await client.jetstream().publish('vod.dead-letter.x.y', Buffer.from([0xff]));
  t.match(await findDeadLetter(reader, 'vod', ack.seq, neverAborted), {
    id: ack.seq,
    queue: '',
    code: '',
    attempt: 0,
    enqueuedAtMs: NaN,
  });
});

t.test('decodes as the relay does today', (t) => {
  const rows: [what: string, body: string | Uint8Array, headers: Record<string, string>, wanted: object][] = [
    ['an event', deletionBody(), {}, { kind: 'event', event: { kind: 'delete-media-complete' } }],
    ['Base64', Buffer.from(deletionBody()).toString('base64'), {}, { kind: 'event' }],
    ['a byte order mark', `\u{FEFF}${deletionBody()}`, {}, { kind: 'event' }],
    ['another event', foreignBody(), {}, { kind: 'event', event: { kind: 'foreign', json: foreignBody() } }],
    ['what is no JSON', 'no JSON', {}, { kind: 'undecodable', code: 'not-json', at: 'offset 0' }],
    ['nothing', '', {}, { kind: 'undecodable', code: 'empty-body' }],
    ['bytes', Buffer.from([0xff]), {}, { kind: 'undecodable', code: 'body-not-utf8', at: 'body' }],
    [
      'XML text',
      deletionBody(),
      { 'Dead-Letter-Body': 'xml-text' },
      { kind: 'undecodable', code: 'body-illegal-characters', at: 'body' },
    ],
  ];
  const damaged = { 'Dead-Letter-Body': 'message-xml', 'Dead-Letter-At': 'UserProperties' };
  const inXml = (body: string): string =>
    `<Message><MessageBody>${body.replaceAll('"', '&quot;')}</MessageBody><UserProperties>\u0001</Message>`;
  rows.push(
    ['a message damaged elsewhere', inXml(deletionBody()), damaged, { kind: 'event' }],
    ['one damaged in its body too', inXml('&#1;'), damaged, { code: 'body-illegal-characters' }],
    [
      'one without a body',
      '<Message>\u0001</Message>',
      damaged,
      { kind: 'undecodable', code: 'message-damaged', at: 'UserProperties' },
    ],
  );
  const ofFollowUp = { 'Dead-Letter-Code': 'follow-up-failed' };
  rows.push(
    [
      'a failed follow-up',
      failedFollowUp.body,
      ofFollowUp,
      { kind: 'follow-up', followUp, event: { mediaId: 'm' } },
    ],
    [
      'one of the follow-up half that it could not read',
      '{}',
      { 'Dead-Letter-Code': 'follow-up-unreadable' },
      { kind: 'unreadable-follow-up' },
    ],
    [
      'an outcome under another code',
      failedFollowUp.body,
      {},
      { kind: 'undecodable', code: 'not-a-vod-event' },
    ],
  );
  for (const [what, body, headers, wanted] of rows) {
    t.match(
      decodeDeadLetter({ body: Buffer.from(body), ...readDeadLetterHeaders(headers, 0) }),
      wanted,
      what,
    );
  }
  t.end();
});

t.test('is selected by its own facts, and by its event where it decodes', async (t) => {
  const id = await publish({
    messageId: 'M6',
    body: deletionBody({ MediaId: 'm6' }),
    code: 'foreign-refused',
  });
  const decodable = await findDeadLetter(reader, 'vod', id, neverAborted);
  const other = await findDeadLetter(reader, 'vod', 1, neverAborted);
  if (!decodable || !other) throw new Error('they are not there');
  t.ok(selectsDeadLetter({ mediaId: 'm6', status: 'success', code: 'foreign-refused' }, decodable));
  t.notOk(selectsDeadLetter({ mediaId: 'm7' }, decodable));
  t.ok(selectsDeadLetter({ queue: 'vod-events' }, other));
  t.notOk(selectsDeadLetter({ mediaId: 'm6' }, other));
  t.notOk(selectsDeadLetter({ untilMs: other.timeMs }, other));

  const { body } = failedFollowUp;
  const failed = await publish({ queue: 'follow-up', messageId: 'M7', body, code: 'follow-up-failed' });
  const letter = await findDeadLetter(reader, 'vod', failed, neverAborted);
  if (!letter) throw new Error('it is not there');
  const wanted = { mediaId: 'm', status: 'fail', mediaType: 'video', deleteType: 'all', queue: 'follow-up' };
  t.ok(selectsDeadLetter({ ...wanted, eventType: 'DeleteMediaComplete' }, letter), 'or by its follow-up');
  t.notOk(selectsDeadLetter({ ...wanted, mediaId: 'other' }, letter));
});

/** Publishes one as the relay does, or as one that is marked done. @returns its id. */
async function publish(letter: Partial<DeadLetter>, more: Record<string, string> = {}): Promise<number> {
  const { subject, msgId, body, headers } = deadLetterPublication('vod', { ...usual, ...letter });
  const all = createHeaders();
  for (const [name, value] of Object.entries({ ...headers, ...more })) all.set(name, value);
  const isDone = 'Dead-Letter-Done' in more;
  const options = { headers: all, msgID: msgId };
  return (await client.jetstream().publish(`${subject}${isDone ? '.done' : ''}`, body, options)).seq;
}

async function storedAtMs(seq: number): Promise<number> {
  const manager = await client.jetstreamManager();
  return (await manager.streams.getMessage('VOD_DEAD_LETTERS', { seq })).time.getTime();
}

async function letters(query: DeadLetterQuery): Promise<StoredDeadLetter[]> {
  const found = [];
  for await (const letter of readDeadLetters(reader, query, neverAborted)) found.push(letter);
  return found;
}
