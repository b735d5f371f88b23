import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { closest } from '../../src/config/read/closest.js';
import { firstMessageId, nextMessageId } from '../../src/nats/publish/message-id.js';
import { readSecretText } from '../../src/network/secret-text.js';

/** Where the time grows with the square of the text, a test of this length takes minutes. */
const length = 1_000_000;

t.test('an id that was tried again gives the first one, however long it is', (t) => {
  t.equal(firstMessageId(nextMessageId(nextMessageId('id', 0), 12)), 'id');
  t.equal(firstMessageId('a@b@1'), 'a@b');
  t.equal(firstMessageId('@1'), '');
  const hostile = `${'@1'.repeat(length / 2)}x`;
  t.equal(firstMessageId(hostile).length, hostile.length);
  t.end();
});

t.test(
  'the secret of a file has no line breaks at its end, and a file of line breaks is refused',
  async (t) => {
    const file = join(t.testdir(), 'secret');
    await writeFile(file, 'secret\r\n\n');
    t.equal(readSecretText(file), 'secret');
    await writeFile(file, `${'\n'.repeat(length)}x`);
    t.throws(() => readSecretText(file), { code: 'NotOneLine' });
  },
);

t.test('a text that is far too long is no misspelling', (t) => {
  t.equal(closest('server', ['servers', 'queues']), 'servers');
  t.equal(closest('servers'.repeat(length), ['servers'.repeat(length)]), undefined);
  t.end();
});
