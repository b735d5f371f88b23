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
