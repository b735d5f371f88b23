import t from 'tap';
import { lengthenCommand } from '../../../src/nats/streams/duplicate-window.js';

t.test('the command that lengthens a window lengthens the age that it needs, and no other', (t) => {
  const marked = '--metadata=vod-relay.ids-known-since=$(date -u +%FT%TZ)';
  const dayMs = 86_400_000;
  const rows: [maxAgeMs: number | undefined, edit: string][] = [
    [undefined, '--dupe-window=345600s'],
    [4 * dayMs, '--dupe-window=345600s'],
    [dayMs, '--dupe-window=345600s --max-age=345600s'],
  ];
  for (const [maxAgeMs, edit] of rows) {
    const command = lengthenCommand('VOD_EVENTS', 4 * dayMs, maxAgeMs);
    t.equal(command, `nats stream edit VOD_EVENTS ${edit} ${marked}`);
  }
  t.end();
});
