import t from 'tap';
import { createRelay } from '../../../../src/relay/relay.js';
import { largestPublicationBytes } from '../../../../src/nats/publish/largest-publication.js';
import type { Publication } from '../../../../src/nats/publish/publisher.js';
import { deletionBody, foreignBody } from '../../../support/vod-messages.js';

const most = 65_536;
/** Room that is left for the rest of the body. */
const filled = (unit: string, bytes = most - 400): string =>
  unit.repeat(Math.floor(bytes / Buffer.byteLength(unit)));

/** Bodies that grow most on their way, as MNS hands them out. */
const worst: Readonly<Record<string, { body: string; damaged?: boolean }>> = {
  'an id of characters that the subject of the event encodes': {
    body: deletionBody({ MediaId: filled('媒') }),
  },
  'an id of characters that JSON escapes': { body: deletionBody({ MediaId: filled('\u0001', 10_000) }) },
  'a media type of percent signs': { body: deletionBody({ MediaType: filled('%') }) },
  'short numbers that JSON writes out': {
    body: deletionBody({ pad: 0 }).replace('"pad":0', `"pad":[${filled('1e20,')}0]`),
  },
  'a foreign type that is encoded': { body: foreignBody({ EventType: filled('é') }) },
  'a foreign id that is encoded': { body: foreignBody({ MediaId: filled('é') }) },
  'a body that XML cannot carry': { body: filled('&quot;', 6 * most), damaged: true },
};

for (const [what, message] of Object.entries(worst)) {
  t.test(`no larger than NATS has to take: ${what}`, async (t) => {
    const sent: Publication[] = [];
    const relay = createRelay({
      publisher: {
        publish: (publication) => {
          sent.push(publication);
          return Promise.resolve({ seq: 1, duplicate: false });
        },
      },
      origin: { region: 'cn-shanghai', account: '1'.repeat(128), queue: 'q'.repeat(256) },
      prefix: 'vod',
      foreignEvents: 'forward',
      maxAttempts: 5,
      onSettled: () => undefined,
    });
    await relay({
      message: {
        messageId: 'm'.repeat(256),
        damaged: false,
        attempt: 1,
        enqueuedAtMs: 0,
        properties: {},
        ...message,
      },
      signal: new AbortController().signal,
      interruption: undefined,
      ack: () => Promise.resolve(true),
      release: () => Promise.resolve(true),
      abandon: () => undefined,
    });
    const [publication] = sent;
    const bytes =
      Buffer.byteLength(publication?.body ?? '') + Buffer.byteLength(JSON.stringify(publication?.headers));
    t.ok(bytes > most / 2, `${bytes} bytes`);
    t.ok(bytes <= largestPublicationBytes, `${bytes} bytes`);
  });
}
