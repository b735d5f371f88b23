import t from 'tap';
import { connect } from 'nats';
import { hostileBodies, marker } from '../support/hostile-bodies.js';
import { runTotals } from '../support/run-totals.js';
import { storedDeadLetters, storedEvents, type StoredMessage } from '../support/stored-messages.js';
import { startTestbed } from '../support/testbed.js';
import { until } from '../support/until.js';
import { deletionBody } from '../support/vod-messages.js';

const name = 'vod-events';

t.test(
  'invariant 9: no input stops the worker or another message, or reaches a subject unescaped',
  async (t) => {
    await using testbed = await startTestbed();
    const { control, nats } = testbed;
    const subscriber = await connect({ servers: nats.url });
    const subjects = new Set<string>();
    subscriber.subscribe('>', { callback: (_error, { subject }) => subjects.add(subject) });
    await subscriber.flush();

    const ids = await control.feed(
      name,
      hostileBodies.flatMap(({ bytes }, i) => [
        { bodyBase64: bytes.toString('base64') },
        { body: deletionBody({ MediaId: `next-${i}` }) },
      ]),
    );
    const worker = await testbed.startWorker({ log: { level: 'debug' } }, 'relay');
    await until(async () => (await control.state()).queues[name]?.deleted === ids.length, {
      what: 'all are settled',
    });
    worker.kill();
    t.same(await worker.exit, { code: 0, signal: null });
    const { received, published, forwarded, 'dead-lettered': buried } = (await runTotals(worker))[name] ?? {};
    t.equal(received, ids.length, 'each was received once');
    t.equal(
      Number(published) + Number(forwarded) + Number(buried),
      ids.length,
      'and came to an end of its own',
    );

    const events = await storedEvents(nats.url);
    const letters = await storedDeadLetters(nats.url);
    const letterOf = (id: string | undefined): StoredMessage | undefined =>
      letters.find(({ headers }) => headers['Dead-Letter-Message-Id'] === id);

    for (const [i, hostile] of hostileBodies.entries()) {
      t.test(hostile.name, (t) => {
        const letter = letterOf(ids[2 * i]);
        if ('code' in hostile) {
          t.equal(letter?.headers['Dead-Letter-Code'], hostile.code);
          t.same(letter && bytesSent(letter), hostile.bytes, 'its bytes are intact');
          t.equal(letter?.headers['Dead-Letter-Queue'], name);
        } else {
          t.equal(letter, undefined);
          const own = events.filter(({ event }) =>
            'mediaId' in hostile
              ? event.data['mediaId'] === hostile.mediaId
              : event.data['EventType'] === hostile.foreignType,
          );
          t.equal(own.length, 1, 'it is in the stream once');
        }
        t.ok(
          events.some(({ event }) => event.data['mediaId'] === `next-${i}`),
          'the next message is unaffected',
        );
        t.end();
      });
    }

    await subscriber.flush();
    await subscriber.close();
    const ours = [...subjects].filter((subject) => !/^(\$JS|_INBOX|\$SYS)/.test(subject));
    t.same(
      new Set(ours),
      new Set([...events, ...letters].map(({ subject }) => subject)),
      'no other subject was published to',
    );
    t.same(
      ours.filter((subject) => !/^vod\.(event|dead-letter)(\.[A-Za-z0-9_%-]+)+$/.test(subject)),
      [],
      'subjects are made of safe tokens',
    );
    t.ok(
      ours.every((subject) => subject.split('.').length <= 7),
      'and have no more tokens than they should',
    );
    for (const [output, text] of Object.entries({ stdout: worker.stdout, stderr: worker.stderr })) {
      t.notMatch(text, marker, `no piece of a body is on ${output}`);
    }
  },
);

t.test('a message that is damaged outside its body costs no other one, and is kept', async (t) => {
  await using testbed = await startTestbed();
  const { control, nats } = testbed;
  const value = `${marker}\u0001`;
  const good = Array.from({ length: 200 }, (_, i) => ({ body: deletionBody({ MediaId: `good-${i}` }) }));
  const hostile = { body: deletionBody({ MediaId: 'hostile' }), userProperties: [{ name: 'a', value }] };
  const ids = await control.feed(name, [...good.slice(0, 7), hostile, ...good.slice(7)]);
  const worker = await testbed.startWorker({}, 'relay');
  await until(async () => (await control.state()).queues[name]?.deleted === ids.length, {
    what: 'all are settled',
  });
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });
  const events = await storedEvents(nats.url);
  t.equal(new Set(events.map(({ event }) => event.data['mediaId'])).size, good.length, 'all good ones');
  const letters = await storedDeadLetters(nats.url);
  t.equal(letters.length, 1);
  t.match(letters[0], {
    headers: {
      'Dead-Letter-Message-Id': ids[7],
      'Dead-Letter-Code': 'message-damaged',
      'Dead-Letter-At': 'UserProperties',
      'Dead-Letter-Body': 'message-xml',
    },
    text: /<Name>a<\/Name>\s*<Value>SPILLED&#1;<\/Value>/,
  });
  t.notMatch(letters[0]?.text, /<ReceiptHandle>/);
  const output = worker.stdout + worker.stderr;
  t.match(output, `"messageId":"${ids[7]}"`);
  t.match(output, '"at":"UserProperties"');
  t.notMatch(output, /proxy|UnexpectedAnswer/);
  t.notMatch(output, marker);
});

t.test('no secret, receipt handle or body is in any log line, whatever fails', async (t) => {
  const accessKeySecret = 'secret-of-the-access-key';
  const password = 'secret-of-nats';
  await using testbed = await startTestbed({
    queues: [{ name, visibilityMs: 2_000 }],
    credentials: [{ accessKeyId: 'key', accessKeySecret, securityToken: 'secret-security-token' }],
    nats: { auth: { user: 'relay', password } },
  });
  const { control, nats } = testbed;
  const access = { servers: nats.url, user: 'relay', pass: password };
  await control.setFaults([
    { kind: 'expired-token', probability: 0.05 },
    { kind: 'reset', operation: 'BatchDelete', probability: 0.3 },
    { kind: 'truncated-body', operation: 'BatchDelete', probability: 0.2 },
    { kind: 'partial-delete', code: 'InternalError', probability: 0.3 },
    { kind: 'html-502', operation: 'ChangeVisibility', probability: 0.3 },
    { kind: 'reset', operation: 'ChangeVisibility', probability: 0.3 },
    { kind: 'truncated-body', operation: 'BatchReceive', probability: 0.1 },
    {
      kind: 'respond',
      operation: 'BatchReceive',
      status: 200,
      body: `<Messages>${marker}`,
      probability: 0.1,
    },
    {
      kind: 'respond',
      operation: 'BatchReceive',
      status: 502,
      body: `<html>${marker}</html>`,
      probability: 0.1,
    },
  ]);
  await control.feed(
    name,
    Array.from({ length: 500 }, (_, i) => ({
      // An id that VOD could have given may be in the log, and any other is a piece of a body like the rest.
      body:
        i % 5 === 0
          ? marker
          : deletionBody({ MediaId: i % 5 === 1 ? `<${marker}-${i}>` : `media-${i}`, Note: marker }),
    })),
  );
  const worker = await testbed.startWorker(
    {
      log: { level: 'debug' },
      credentials: {
        type: 'sts',
        accessKeyId: 'key',
        accessKeySecret,
        securityToken: 'secret-security-token',
      },
      nats: { servers: [nats.url], auth: { type: 'user', user: 'relay', password } },
    },
    'relay',
  );
  const requests = async (operation: string): Promise<object> =>
    (await control.state()).requests[operation] ?? {};
  await until(async () => (await storedEvents(access)).length > 50, { what: 'messages flow' });
  nats.pause();
  await until(
    async () =>
      'html-502' in (await requests('ChangeVisibility')) || 'reset' in (await requests('ChangeVisibility')),
    {
      what: 'renewals fail',
    },
  );
  nats.resume();
  await until(async () => (await control.state()).queues[name]?.deleted === 500, {
    what: 'all are settled',
    timeoutMs: 60_000,
  });
  worker.kill();
  t.same(await worker.exit, { code: 0, signal: null });

  const output = worker.stdout + worker.stderr;
  t.match(output, 'MNS delete failed', 'there was something to tell');
  t.notMatch(output, marker, 'no body');
  for (const secret of [accessKeySecret, password, 'secret-security-token'])
    t.notMatch(output, secret, 'no secret');
  t.notMatch(output, /[0-9A-F]{32}-[A-Za-z0-9+/]{8}/, 'no receipt handle');
  t.notMatch(output, /Signature|Authorization/i, 'no signature');
});

/**
 * The bytes that were sent: where the body is kept as XML text, numeric references stand for what XML
 * forbids.
 */
function bytesSent({ headers, data, text }: StoredMessage): Buffer {
  if (headers['Dead-Letter-Body'] !== 'xml-text') return Buffer.from(data);
  return Buffer.from(text.replace(/&#(\d+);/g, (_all, code) => String.fromCodePoint(Number(code))));
}
