import fc from 'fast-check';
import t from 'tap';
import { deadLetterCodes, type DeadLetterCode } from '../../../src/event/dead-letter-code.js';
import {
  deadLetterHeaders,
  doneDeadLetterHeaders,
  haveSameReason,
  readDeadLetterHeaders,
  recodedDeadLetterHeaders,
  type DeadLetter,
} from '../../../src/event/dead-letter.js';
import { anyText } from './arbitrary-events.js';

const codes = Object.keys(deadLetterCodes) as DeadLetterCode[];
const anyHeader = anyText.map((text) => text.replace(/\p{Cs}/gu, ''));
const anyTimeMs = fc.integer({ min: 0, max: 4_102_444_800_000 });
const anyVerdict = fc.record({ code: fc.constantFrom(...codes), reason: anyHeader, at: anyHeader });
const anyLetter: fc.Arbitrary<DeadLetter> = fc
  .record({
    queue: anyHeader,
    messageId: anyHeader,
    attempt: fc.nat(),
    enqueuedAtMs: anyTimeMs,
    form: fc.constantFrom(undefined, 'xml-text', 'message-xml'),
  })
  .chain((facts) => anyVerdict.map((verdict) => ({ ...facts, ...verdict, body: '' })));

/** The form of a text in a header: printable ASCII as it is, all else percent-encoded. */
const headerOf = (text: string): string =>
  text.replace(/[^ -~]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );

t.test('headers give back the letter that they were written from, and fit into lines', async (t) => {
  fc.assert(
    fc.property(anyLetter, anyTimeMs, (letter, storedAtMs) => {
      const headers = deadLetterHeaders(letter);
      t.notOk(Object.values(headers).some((value) => /[^ -~]/.test(value)));
      const { queue, messageId, attempt, enqueuedAtMs, code, reason, at, form = '' } = letter;
      const texts = { queue, messageId, reason, at };
      const wanted = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, headerOf(text)]));
      t.same(readDeadLetterHeaders(headers, storedAtMs), {
        timeMs: storedAtMs,
        attempt,
        enqueuedAtMs,
        code,
        form,
        ...wanted,
      });
    }),
  );
});

t.test('a copy keeps what the first one said, and when', async (t) => {
  const done = { at: '2026-01-02T03:04:05.678Z', eventId: 'e', replayId: 'r' };
  fc.assert(
    fc.property(anyLetter, anyVerdict, anyTimeMs, anyTimeMs, (letter, verdict, firstMs, storedAtMs) => {
      const headers = { ...deadLetterHeaders(letter), 'Nats-Msg-Id': 'of one publish' };
      const first = readDeadLetterHeaders(headers, firstMs);
      const finished = doneDeadLetterHeaders({ timeMs: firstMs, headers }, done);
      const { at, eventId } = done;
      t.same(readDeadLetterHeaders(finished, storedAtMs), { ...first, done: { at, eventId } });
      const recoded = recodedDeadLetterHeaders({ timeMs: firstMs, headers }, verdict);
      const texts = { reason: headerOf(verdict.reason), at: headerOf(verdict.at) };
      t.same(readDeadLetterHeaders(recoded, storedAtMs), { ...first, code: verdict.code, ...texts });
      t.match(recoded, { 'Dead-Letter-First-Code': letter.code, 'Dead-Letter-Replay': undefined });
      const again = recodedDeadLetterHeaders({ timeMs: firstMs, headers: recoded }, letter);
      t.equal(again['Dead-Letter-First-Code'], letter.code, 'the first of all');
      t.equal(
        haveSameReason(headers, recoded),
        letter.code === verdict.code && headerOf(letter.reason) === texts.reason,
      );
      t.notOk([finished, recoded].some((copy) => 'Nats-Msg-Id' in copy));
    }),
  );
});
