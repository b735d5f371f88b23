import t from 'tap';
import { readDeadLetterHeaders } from '../../../src/event/dead-letter.js';

const storedAtMs = Date.UTC(2026, 0, 1);
const read = (time: string): ReturnType<typeof readDeadLetterHeaders> =>
  readDeadLetterHeaders({ 'Dead-Letter-Time': time, 'Dead-Letter-Enqueue-Time': time }, storedAtMs);

t.test('times in headers are read as they were written', (t) => {
  const timeMs = Date.UTC(2026, 10, 30, 1, 2, 3, 4);
  t.match(read(new Date(timeMs).toISOString()), { timeMs, enqueuedAtMs: timeMs });
  t.end();
});

t.test('times in headers that RFC 3339 cannot write are no times', (t) => {
  for (const time of ['+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', 'soon', '']) {
    const { timeMs, enqueuedAtMs } = read(time);
    t.equal(timeMs, storedAtMs, time);
    t.ok(Number.isNaN(enqueuedAtMs), time);
  }
  t.end();
});

t.test('an attempt in headers that is no count is none', (t) => {
  const attempts = { '3': 3, '1e9': 0, '-1': 0, '99999999999': 0, '': 0 };
  for (const [text, attempt] of Object.entries(attempts))
    t.equal(readDeadLetterHeaders({ 'Dead-Letter-Attempt': text }, storedAtMs).attempt, attempt, text);
  t.end();
});
