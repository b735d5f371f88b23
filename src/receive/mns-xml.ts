import { readDocument, type MnsDocument } from './mns-elements.js';
import { readMessages } from './mns-messages.js';

export type { MessageDamage, MnsDocument, MnsItem } from './mns-elements.js';

const firstMessage = /<Message[\s>/]/;
const openingTag = /^<([^\s<>/]{1,64})[\s>/]/;

/**
 * Reads the XML of an MNS answer. Strict about the document, and about each message in it by itself: whatever
 * stands in one of them, in whatever field, does not cost the other fifteen.
 *
 * @throws XmlFault saying where the document is wrong, and never quoting it.
 */
export function parseMnsXml(bytes: Buffer): MnsDocument {
  // One character a byte, so that places in the text are places in the bytes.
  const wire = bytes.toString('latin1');
  const rootAt = findRoot(wire);
  if (openingTag.exec(wire.slice(rootAt, rootAt + 80))?.[1] !== 'Messages') return readDocument(bytes);
  const start = wire.slice(rootAt).search(firstMessage) + rootAt;
  const end = endOfLastMessage(wire);
  if (start < rootAt || end <= start) return readDocument(bytes);
  const frame = readDocument(Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]));
  return { ...frame, items: readMessages(bytes.subarray(start, end), wire.slice(start, end)) };
}

/** Where the root element begins, after a byte order mark, a prolog and comments. */
function findRoot(wire: string): number {
  for (let from = 0; ;) {
    const at = wire.indexOf('<', from);
    const close = wire.startsWith('<?', at) ? '?>' : wire.startsWith('<!--', at) ? '-->' : undefined;
    if (at < 0 || close === undefined) return Math.max(0, at);
    const end = wire.indexOf(close, at + 2);
    if (end < 0) return at;
    from = end + close.length;
  }
}

function endOfLastMessage(wire: string): number {
  let at = wire.length;
  do at = at === 0 ? -1 : wire.lastIndexOf('</Message', at - 1);
  while (at >= 0 && wire[at + '</Message'.length] === 's');
  return at < 0 ? -1 : wire.indexOf('>', at) + 1;
}
