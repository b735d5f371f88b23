import { getEventListeners } from 'node:events';
import type { Msg } from 'nats';
import t from 'tap';
import { readPubAck } from '../../../src/nats/publish/pub-ack.js';
import type { DeadLetter } from '../../../src/event/dead-letter.js';
import { deadLetterPublication } from '../../../src/nats/publish/publication.js';
import { StoreGate } from '../../../src/nats/publish/store-gate.js';

t.test('the gate', async (t) => {
  await t.test('tells each change once', (t) => {
    const changes: unknown[] = [];
    let closed = 0;
    const gate = new StoreGate((reason) => changes.push(reason));
    gate.onClose(() => closed++);
    t.ok(gate.isOpen, 'it begins open');
    gate.open();
    gate.close('one');
    gate.close('two');
    t.notOk(gate.isOpen);
    gate.open();
    gate.close('three');
    t.same(changes, ['one', 'two', undefined, 'three'], 'the reason of today, too');
    t.equal(closed, 2);
    t.end();
  });

  await t.test('lets all who wait through when it opens, and whoever is aborted before', async (t) => {
    const gate = new StoreGate(() => undefined);
    const abort = new AbortController();
    const stays = new AbortController();
    t.match(await gate.admit(16, stays.signal), { limit: 16, isProbe: false });
    gate.close('closed');
    const aborted = gate.admit(16, abort.signal);
    const waiting = [gate.admit(16, stays.signal), gate.admit(16, stays.signal)];
    abort.abort();
    t.match(await aborted, { limit: 0 });
    t.match(await gate.admit(16, abort.signal), { limit: 0 });
    t.equal(gate.isOpen, false);
    gate.open();
    t.match(await Promise.all(waiting), [{ limit: 16 }, { limit: 16 }]);
    t.equal(getEventListeners(stays.signal, 'abort').length, 0);
    t.equal(getEventListeners(abort.signal, 'abort').length, 0);
  });

  await t.test('after it was closed asks with one message, then two for each that is stored', async (t) => {
    const gate = new StoreGate(() => undefined);
    const { signal } = new AbortController();
    gate.close('closed');
    const first = gate.admit(16, signal);
    const second = gate.admit(16, signal);
    gate.probe(1);
    gate.probe(1);
    t.match(await first, { limit: 1, isProbe: true });
    (await first).done(0);
    const next = await second;
    t.match(next, { limit: 1, isProbe: true }, 'what one queue did not have another may');
    next.done(1);
    gate.stored();
    t.ok(gate.isOpen);
    const few = await gate.admit(16, signal);
    t.match(few, { limit: 2, isProbe: false });
    gate.close('closed');
    few.done(0);
    gate.probe(1);
    t.match(await gate.admit(16, signal), { limit: 1 }, 'nothing is given back to a gate that closed since');
    for (let stored = 0; stored < 256; stored++) gate.stored();
    t.match(await gate.admit(10_000, signal), { limit: 10_000 }, 'wide open');
  });

  await t.test('what locks it only the unlocking lets go on', async (t) => {
    const gate = new StoreGate(() => undefined);
    const stop = new AbortController();
    gate.lock('too small');
    gate.probe(1);
    gate.stored();
    gate.open();
    t.notOk(gate.isOpen);
    const waiting = gate.admit(1, stop.signal);
    gate.unlock();
    gate.probe(1);
    t.match(await waiting, { limit: 1, isProbe: true });
  });
});

t.test('the reply to a publish', async (t) => {
  const rows: [reply: string, wanted: object][] = [
    ['{"stream":"S","seq":7}', { kind: 'stored', stream: 'S', seq: 7, duplicate: false }],
    ['{"stream":"S","seq":7,"duplicate":true}', { kind: 'stored', duplicate: true }],
    ['', { kind: 'try-again', reason: /no stream/ }],
    ['not JSON', { kind: 'try-again', reason: /not a PubAck/ }],
    ['{}', { kind: 'try-again', reason: /not a PubAck/ }],
    ['null', { kind: 'try-again', reason: /not a PubAck/ }],
    ['{"stream":"S"}', { kind: 'try-again', reason: /not a PubAck/ }],
    ['{"seq":7}', { kind: 'try-again', reason: /not a PubAck/ }],
    [
      '{"error":{"code":400,"err_code":10054,"description":"too large"}}',
      { kind: 'rejected', reason: /too large/ },
    ],
    [
      '{"error":{"code":400,"err_code":10060,"description":"expected stream"}}',
      { kind: 'refused', scope: 'unclear' },
    ],
    [
      '{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}',
      { kind: 'refused', scope: 'stream' },
    ],
    [
      '{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}',
      { kind: 'refused', scope: 'subject' },
    ],
    ['{"error":{"code":500,"err_code":10047}}', { kind: 'refused', scope: 'stream' }],
    ['{"error":{"code":503,"err_code":10008}}', { kind: 'try-again' }],
    ['{"error":{"code":409,"err_code":10158,"description":"in process"}}', { kind: 'try-again' }],
    ['{"error":{"code":400,"err_code":99999,"description":"something new"}}', { kind: 'try-again' }],
    ['{"error":{}}', { kind: 'try-again' }],
  ];
  for (const [reply, wanted] of rows) t.match(readPubAck(aReply(reply)), wanted, reply || 'no data');
});

t.test('a dead letter has the bytes as its body, and headers that cannot be broken up', (t) => {
  const letter: DeadLetter = {
    queue: 'q.*',
    messageId: 'M1',
    attempt: 3,
    enqueuedAtMs: Date.parse('2026-01-02T03:04:05.678Z'),
    body: Buffer.from([0, 255, 10]),
    code: 'not-json',
    reason: 'bad\r\nNats-Msg-Id: other',
    at: 'Grüße',
  };
  const publication = deadLetterPublication('a.b', letter);
  t.match(publication, {
    subject: 'a.b.dead-letter.q%2E%2A.not-json',
    stream: 'A_B_DEAD_LETTERS',
    body: letter.body,
    headers: {
      'Dead-Letter-Attempt': '3',
      'Dead-Letter-Enqueue-Time': '2026-01-02T03:04:05.678Z',
      'Dead-Letter-Reason': 'bad%0D%0ANats-Msg-Id: other',
      'Dead-Letter-At': 'Gr%C3%BC%C3%9Fe',
    },
  });
  const again = deadLetterPublication('a.b', {
    ...letter,
    attempt: 4,
    code: 'attempts-exhausted',
    reason: '',
    at: '',
  });
  t.equal(again.msgId, publication.msgId, 'another delivery of the message is the same dead letter');
  t.not(deadLetterPublication('a.b', { ...letter, messageId: 'M2' }).msgId, publication.msgId);
  t.end();
});

function aReply(text: string): Msg {
  const data = Buffer.from(text);
  return { data, json: () => JSON.parse(text) as unknown } as unknown as Msg;
}
