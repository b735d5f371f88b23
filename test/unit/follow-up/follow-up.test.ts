import t from 'tap';
import { toCloudEvent } from '../../../src/event/cloud-event.js';
import type { FollowUpResult } from '../../../src/event/follow-up.js';
import { createFollowUp, type FollowUpOptions } from '../../../src/follow-up/follow-up.js';
import { VodError } from '../../../src/follow-up/vod-error.js';
import type { Job } from '../../../src/nats/jobs/job.js';
import type { Known } from '../../../src/nats/jobs/outcome-look-up.js';
import type { Publication } from '../../../src/nats/publish/publisher.js';
import { systemClock } from '../../../src/time.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.parse('2026-03-20T08:00:00Z');

interface Deletion {
  status?: string;
  deleteType?: string;
  mediaType?: string;
  errorCode?: string;
}

/**
 * The answers of VOD: to the guard the age of the last modification, to the call nothing or an error code.
 */
type Answer = string | number;

class Bench {
  /** The log of a run, in order. */
  readonly steps: string[] = [];
  readonly results: FollowUpResult[] = [];
  readonly published: Publication[] = [];
  nowMs = startMs;
  /** The other clocks, where they differ; VOD's is unknown until it has answered. */
  natsMs: (() => number) | undefined;
  vodMs: (() => number | undefined) | undefined;
  /** The answers of the stream of outcomes, one a look; `open` in the end. */
  known: Known[] = [];
  #isVodKnown = false;
  /** Answers of GetVideoInfo: how long ago the media was modified, in ms, or an error code. */
  info: Answer[] = [];
  /** Answers of DeleteMultipartUpload: an error code, or anything else for success. */
  calls: Answer[] = [];
  /** Whether the next permits are still good when the call begins. */
  fresh: boolean[] = [];
  duringGuard = (): void => undefined;
  readonly stop = new AbortController();
  readonly cut = new AbortController();
  /** How far the clock was found ahead of others. */
  readonly clocks: [of: string, aheadMs: number][] = [];
  readonly #storedAtMs = new Map<string, number>();
  readonly #run;

  constructor(options: Partial<FollowUpOptions> = {}) {
    const site = {
      client: {
        getVideoInfo: async () => {
          const answer = this.#answer('ask', this.info.shift() ?? dayMs * 2);
          this.duringGuard();
          return {
            status: 'Uploading',
            createdMs: 0,
            modifiedMs: this.nowMs - Number(answer),
            requestId: 'INFO',
          };
        },
        deleteMultipartUpload: async () => {
          this.#answer('call', this.calls.shift() ?? 0);
          return { requestId: 'CALL' };
        },
      },
      vodNowMs: () => (this.vodMs ? this.vodMs() : this.#isVodKnown ? this.nowMs : undefined),
      permits: {
        acquire: async (priority: string, signal: AbortSignal) => {
          signal.throwIfAborted();
          this.steps.push(`permit ${priority}`);
          return {
            begin: () => this.fresh.shift() ?? true,
            throttled: () => {
              this.steps.push('throttled');
              return 1;
            },
            unused: () => {
              this.steps.push('unused');
            },
          };
        },
      },
    };
    this.#run = createFollowUp({
      publisher: {
        publish: async (publication) => {
          this.steps.push(`publish ${publication.subject}`);
          this.published.push(publication);
          this.#storedAtMs.set(String(publication.body), this.#natsNowMs());
          return { seq: 1, duplicate: false };
        },
      },
      siteOf: () => site,
      lookUp: async () => {
        const known = this.known.shift();
        if (known !== undefined) this.steps.push(`look up: ${known}`);
        return known ?? 'open';
      },
      policy: 'orphans',
      guard: true,
      quietPeriodMs: dayMs,
      maxAttempts: 3,
      prefix: 'vod',
      clock: { ...systemClock, now: () => this.nowMs },
      onClock: (of, aheadMs) => this.clocks.push([of, aheadMs]),
      onKnown: () => this.steps.push('known'),
      onSettled: (_followUp, result) => this.results.push(result),
      onUnreadable: (subject) => this.steps.push(`unreadable ${subject}`),
      ...options,
    });
  }

  /** An outcome published before was stored then; any other is stored now. */
  async take(stored: string | Buffer, place: Partial<Job> = {}): Promise<string[]> {
    const data = Buffer.from(stored);
    const from = this.steps.length;
    const job: Job = {
      subject: 'vod.event.x',
      text: data.toString('utf8'),
      storedAtMs: this.#storedAtMs.get(String(stored)) ?? this.#natsNowMs(),
      data,
      headers: {},
      streamSeq: 7,
      deliveries: 1,
      isNew: true,
      serverNowMs: async () => this.#natsNowMs(),
      ack: async () => {
        this.steps.push('ack');
        return true;
      },
      redeliver: (delayMs) => {
        this.steps.push(`redeliver ${delayMs}`);
      },
      ...place,
      setAside: () => {
        this.steps.push('set aside');
      },
    };
    await this.#run(job, { stop: this.stop.signal, cut: this.cut.signal });
    return this.steps.slice(from);
  }

  get last(): FollowUpResult | undefined {
    return this.results.at(-1);
  }

  /** The event that was published last. */
  get lastText(): string {
    return String(this.published.at(-1)?.body);
  }

  #natsNowMs(): number {
    return this.natsMs ? this.natsMs() : this.nowMs;
  }

  #answer(step: string, answer: Answer): Answer {
    this.steps.push(step);
    this.#isVodKnown = true;
    if (typeof answer === 'number') return answer;
    throw new VodError({ operation: step, code: answer, message: 'no', status: 400, requestId: 'FAIL' });
  }
}

function dataOf(text: string): Record<string, unknown> {
  return (JSON.parse(text) as { data: Record<string, unknown> }).data;
}

/** The text of a deletion's event in the stream; by default one that leaves an orphan. */
function eventText({
  status = 'fail',
  deleteType = 'all',
  mediaType = 'video',
  errorCode,
}: Deletion = {}): string {
  const code = errorCode ?? (status === 'fail' ? 'DeleteVideoFailed' : undefined);
  const event = {
    kind: 'delete-media-complete',
    eventTime: '2026-03-20T07:49:17Z',
    status,
    mediaType,
    deleteType,
    mediaId: 'media-1',
    jobIds: [],
    ...(code !== undefined && { error: { code } }),
    extra: {},
  } as const;
  return toCloudEvent(event, { region: 'cn-shanghai', account: '1', queue: 'q' }, '', 'vod').body;
}

t.test('an orphan is deleted: permit, guard, call, outcome, and the ack last', async (t) => {
  const bench = new Bench();
  const steps = await bench.take(eventText());
  t.same(steps, ['permit orphan', 'ask', 'call', 'publish vod.follow-up.deleted.media-1', 'ack']);
  t.match(bench.last, { outcome: 'deleted', attempts: 1, requestId: 'CALL' });
});

t.test('what the plan decides alone needs no permit', async (t) => {
  const rows: [Deletion, string][] = [
    [{ status: 'success' }, 'skipped'],
    [{ errorCode: 'Forbidden.RAM' }, 'blocked'],
    [{ mediaType: 'hologram' }, 'unknown'],
  ];
  for (const [deletion, outcome] of rows) {
    const bench = new Bench();
    t.same(await bench.take(eventText(deletion)), [`publish vod.follow-up.${outcome}.media-1`, 'ack']);
    t.match(bench.last, { outcome, attempts: 0 });
  }
});

t.test('a media that was modified lately is put off until it is quiet, however often', async (t) => {
  const bench = new Bench();
  bench.info = [hourMs, 2 * hourMs, dayMs];
  t.same(await bench.take(eventText()), [
    'permit orphan',
    'ask',
    'unused',
    'publish vod.follow-up.postponed.media-1',
    'ack',
  ]);
  t.match(bench.last, { outcome: 'postponed', attempts: 0, dueMs: startMs + 23 * hourMs });

  const first = bench.lastText;
  t.same(await bench.take(first), [`redeliver ${23 * hourMs}`], 'too early, it goes back until it is due');
  bench.nowMs += 23 * hourMs;
  await bench.take(first);
  t.match(bench.last, { outcome: 'postponed', dueMs: bench.nowMs + 22 * hourMs }, 'it is still not quiet');
  bench.nowMs += 22 * hourMs;
  await bench.take(bench.lastText);
  t.match(bench.last, { outcome: 'deleted', attempts: 1 });
  const ids = bench.published.map(({ msgId }) => msgId);
  t.equal(new Set(ids).size, ids.length, 'each outcome has an id of its own');
});

t.test('a modification in the future counts as one of now', async (t) => {
  const bench = new Bench();
  bench.info = [-5 * hourMs];
  await bench.take(eventText());
  t.match(bench.last, { outcome: 'postponed', dueMs: startMs + dayMs });
});

t.test('seven days after the deletion a media that was never quiet is given up', async (t) => {
  const bench = new Bench();
  bench.nowMs = startMs + 7 * dayMs;
  t.same(
    await bench.take(eventText()),
    ['permit orphan', 'ask', 'unused', 'publish vod.follow-up.given-up.media-1', 'ack'],
    'VOD has to say that it is that late',
  );
  t.same(await bench.take(eventText()), ['publish vod.follow-up.given-up.media-1', 'ack'], 'once');
});

t.test('each answer of VOD has its outcome', async (t) => {
  const rows: [code: string, outcome: string, attempts: number][] = [
    ['InvalidMultipartUpload.NotFound', 'nothing-to-delete', 1],
    ['InvalidVideo.NotFound', 'nothing-to-delete', 1],
    ['AccessDenied', 'blocked', 1],
    ['OperationDenied.Suspended', 'blocked', 1],
    ['InvalidParameter', 'failed', 1],
    ['ServiceUnAvailable', 'postponed', 1],
    ['NeverHeardOf', 'postponed', 1],
    ['InvalidSecurityToken.Expired', 'postponed', 0],
    ['InvalidTimeStamp.Expired', 'postponed', 0],
    ['InvalidTimeStamp.Format', 'postponed', 0],
  ];
  for (const [code, outcome, attempts] of rows) {
    for (const asked of ['info', 'calls'] as const) {
      const bench = new Bench();
      bench[asked] = [code];
      const steps = await bench.take(eventText());
      t.match(bench.last, { outcome, attempts, code, requestId: 'FAIL' }, `${code} from ${asked}`);
      t.equal(
        steps.includes('unused'),
        asked === 'info',
        'a permit is given back only when no call was made',
      );
      t.equal(steps.at(-1), 'ack');
    }
  }
});

t.test(
  'failed attempts are counted from job to job, and end in a dead letter and the outcome failed',
  async (t) => {
    const bench = new Bench();
    bench.calls = ['InternalError', 'InternalError', 'InternalError'];
    await bench.take(eventText());
    for (const attempts of [1, 2]) {
      t.match(bench.last, { outcome: 'postponed', attempts, code: 'InternalError' });
      const { dueMs = 0 } = bench.last ?? {};
      t.ok(dueMs > bench.nowMs, 'after a while');
      bench.nowMs = dueMs;
      await bench.take(bench.lastText);
    }
    t.match(bench.last, { outcome: 'failed', attempts: 3 });
    const [letter, outcome] = bench.published.slice(-2);
    t.equal(letter?.subject, 'vod.dead-letter.follow-up.follow-up-failed');
    t.equal(letter?.body, outcome?.body, 'the dead letter holds all that a replay needs');
    t.equal(outcome?.subject, 'vod.follow-up.failed.media-1');
  },
);

t.test('credentials that are refused use up no attempt', async (t) => {
  const bench = new Bench();
  for (let i = 0; i < 5; i++) {
    bench.calls = ['InvalidAccessKeyId.Inactive'];
    await bench.take(i === 0 ? eventText() : bench.lastText);
    t.match(bench.last, { outcome: 'postponed', attempts: 0 });
    bench.nowMs = bench.last?.dueMs ?? 0;
  }
});

t.test(
  'a refusal for the quota is no attempt: the next permit is waited for, and the guard is not asked again',
  async (t) => {
    const bench = new Bench();
    bench.calls = ['Throttling.User'];
    const steps = await bench.take(eventText());
    t.same(steps.slice(0, 6), ['permit orphan', 'ask', 'call', 'throttled', 'permit orphan', 'call']);
    t.match(bench.last, { outcome: 'deleted', attempts: 1 });
  },
);

t.test('a permit that has become too old during the guard is not used', async (t) => {
  const bench = new Bench();
  bench.fresh = [false];
  const steps = await bench.take(eventText());
  t.same(steps.slice(0, 4), ['permit orphan', 'ask', 'permit orphan', 'call']);
});

t.test('under the policy verify a whole deletion is called on later, after the orphans', async (t) => {
  const bench = new Bench({ policy: 'verify' });
  await bench.take(eventText({ status: 'success' }));
  t.match(bench.last, { outcome: 'postponed', dueMs: startMs + dayMs });
  bench.nowMs += dayMs;
  bench.calls = ['InvalidVideo.NotFound'];
  const steps = await bench.take(bench.lastText);
  t.equal(steps[0], 'permit verify');
  t.match(bench.last, { outcome: 'nothing-to-delete' });
});

t.test('under the policy verify the call is made although the guard finds no such media', async (t) => {
  for (const deletion of [{ status: 'success' }, { errorCode: 'InvalidVideo.NotFound' }]) {
    const bench = new Bench({ policy: 'verify' });
    await bench.take(eventText(deletion));
    bench.nowMs += dayMs;
    bench.info = ['InvalidVideo.NotFound'];
    bench.calls = ['InvalidVideo.NotFound'];
    t.same((await bench.take(bench.lastText)).slice(0, 3), ['permit verify', 'ask', 'call']);
    t.match(bench.last, { outcome: 'nothing-to-delete', attempts: 1 });
  }
  const bench = new Bench({ policy: 'verify' });
  await bench.take(eventText({ status: 'success' }));
  bench.nowMs += dayMs;
  bench.info = [hourMs];
  await bench.take(bench.lastText);
  t.match(
    bench.last,
    { outcome: 'postponed', attempts: 0 },
    'a media that is there after all has to be quiet',
  );
});

t.test('a clock that is off gives nothing up and calls on no upload that is running', async (t) => {
  const eightDaysMs = 8 * dayMs;
  const eventMs = Date.parse('2026-03-20T07:49:17Z');
  type Times = { own: number; nats: number; vod: number };
  const rows: [what: string, Times][] = [
    ['this machine is ahead', { own: eightDaysMs, nats: 0, vod: 0 }],
    ['this machine and NATS are ahead', { own: eightDaysMs, nats: eightDaysMs, vod: 0 }],
    ['NATS is ahead', { own: 0, nats: eightDaysMs, vod: 0 }],
    ['VOD and NATS are ahead', { own: 0, nats: eightDaysMs, vod: eightDaysMs }],
    ['this machine and VOD are ahead', { own: eightDaysMs, nats: 0, vod: eightDaysMs }],
  ];
  for (const [what, { own, nats, vod }] of rows) {
    for (const guard of [true, false]) {
      const bench = new Bench({ guard });
      bench.nowMs = startMs + own;
      bench.natsMs = () => startMs + nats;
      bench.vodMs = () => startMs + vod;
      // Modified an hour ago, by the clock of VOD when that is right.
      bench.info = [own + hourMs];
      const steps = await bench.take(eventText(), { storedAtMs: eventMs + 1_000 });
      t.match(bench.last, { outcome: 'postponed', attempts: 0 }, `${what}, guard ${guard}`);
      t.notOk(steps.includes('call'));
    }
  }
  const bench = new Bench();
  bench.nowMs = startMs + eightDaysMs;
  bench.natsMs = () => startMs;
  bench.vodMs = () => startMs;
  bench.calls = ['InternalError'];
  bench.info = [eightDaysMs + 2 * dayMs];
  await bench.take(eventText());
  const { dueMs = 0 } = bench.last ?? {};
  t.ok(dueMs > startMs && dueMs < startMs + hourMs, 'nor is anything put off until then');
  t.same(bench.clocks[0], ['NATS', eightDaysMs], 'and it is told');
});

t.test('a clock that jumps while a follow-up waits neither shortens nor lengthens the wait', async (t) => {
  for (const jumpMs of [8 * dayMs, -8 * dayMs]) {
    const bench = new Bench();
    let natsMs = startMs;
    bench.natsMs = () => natsMs;
    bench.vodMs = () => natsMs;
    bench.info = [hourMs];
    await bench.take(eventText());
    bench.nowMs += jumpMs;
    const [step = ''] = await bench.take(bench.lastText);
    t.match(step, /^redeliver \d+$/);
    t.ok(Number(step.split(' ')[1]) >= 23 * hourMs, step);
    natsMs += 23 * hourMs;
    bench.nowMs = natsMs;
    await bench.take(bench.lastText);
    t.match(bench.last, { outcome: 'deleted' }, 'and when the clock is right again, it goes on');
  }
});

t.test('an EventTime in the future counts as when NATS stored the event', async (t) => {
  for (const guard of [true, false]) {
    const bench = new Bench({ guard });
    bench.info = [hourMs];
    const text = eventText().replace('2026-03-20T07:49:17Z', '2350-01-01T00:00:00Z');
    await bench.take(text);
    const waitMs = guard ? 23 * hourMs : dayMs;
    t.match(bench.last, { outcome: 'postponed', dueMs: startMs + waitMs });
    t.equal(dataOf(bench.lastText)['knownSince'], new Date(startMs).toISOString());
    bench.nowMs += waitMs;
    await bench.take(bench.lastText);
    t.match(bench.last, { outcome: 'deleted' }, `guard ${guard}`);
  }
});

t.test('no time in a stored follow-up makes a wait of more than a week, or of no number', async (t) => {
  const bench = new Bench();
  bench.info = [hourMs];
  await bench.take(eventText());
  const stored = bench.lastText;
  const times = [
    '0000-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '2350-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ];
  for (const time of times) {
    for (const dueTime of times) {
      const event = JSON.parse(stored) as { data: object };
      const text = JSON.stringify({ ...event, time, data: { ...event.data, dueTime } });
      const [step = ''] = await bench.take(text);
      const [, delayMs = ''] = /^redeliver (.*)$/.exec(step) ?? [];
      if (dueTime > time) t.equal(Number(delayMs), 7 * dayMs, `${time} ${dueTime}`);
      else t.equal(delayMs, '', 'it is due');
    }
  }
  for (const count of ['-1', '1e308', '1e10', '0.5', 'null', '"1"']) {
    const text = stored.replace(/"postponements":\d+/, `"postponements":${count}`);
    t.match((await bench.take(text))[0], /follow-up-unreadable$/, count);
  }
});

t.test('what has its outcome is acked and nothing else', async (t) => {
  const bench = new Bench();
  bench.known = ['settled'];
  t.same(await bench.take(eventText()), ['look up: settled', 'ack', 'known']);
  bench.known = ['settled'];
  const skipped = eventText({ status: 'success' });
  t.same(await bench.take(skipped, { isNew: false }), ['look up: settled', 'ack', 'known']);
  t.same(bench.published, []);
});

t.test('in doubt only what is surely new is called on', async (t) => {
  const bench = new Bench();
  bench.known = ['unknown'];
  t.same(await bench.take(eventText(), { isNew: false }), ['look up: unknown', 'redeliver 30000']);
  bench.known = ['unknown'];
  await bench.take(eventText(), { isNew: true });
  t.match(bench.last, { outcome: 'deleted' });
  bench.known = ['unknown'];
  await bench.take(eventText({ status: 'success' }), { isNew: false });
  t.match(bench.last, { outcome: 'skipped' }, 'what calls on nothing is recorded');
});

t.test('without the guard only failed whole deletions are called on, after the quiet period', async (t) => {
  const bench = new Bench({ guard: false });
  await bench.take(eventText());
  t.match(bench.last, { outcome: 'postponed', dueMs: Date.parse('2026-03-21T07:49:17Z') });
  bench.nowMs = bench.last?.dueMs ?? 0;
  const steps = await bench.take(bench.lastText);
  t.same(steps.slice(0, 2), ['permit orphan', 'call'], 'and nothing is asked');
  await bench.take(eventText({ status: 'success', deleteType: 'mezzanine' }));
  t.match(bench.last, { outcome: 'skipped' });
});

t.test('without a queue that says how to call VOD it is put off', async (t) => {
  const bench = new Bench({ siteOf: () => undefined });
  await bench.take(eventText());
  t.match(bench.last, { outcome: 'postponed', attempts: 0, reason: /acs:vod:cn-shanghai:1/ });
});

t.test('a message that is no event becomes a dead letter with its bytes', async (t) => {
  const bench = new Bench();
  const bytes = Buffer.from([0x7b, 0xff, 0x00]);
  const steps = await bench.take(bytes);
  t.same(steps, ['publish vod.dead-letter.follow-up.follow-up-unreadable', 'ack', 'unreadable vod.event.x']);
  t.same(bench.published.at(-1)?.body, bytes);
  t.same(bench.results, []);
});

t.test('after a stop nothing is called, and the job is given back at once', async (t) => {
  const bench = new Bench();
  bench.stop.abort();
  t.same(await bench.take(eventText()), ['redeliver 0']);
});

t.test('a stop between guard and call gives the permit back as well', async (t) => {
  const bench = new Bench();
  bench.duringGuard = () => {
    bench.stop.abort();
  };
  t.same(await bench.take(eventText()), ['permit orphan', 'ask', 'unused', 'redeliver 0']);
});

t.test('a bug is thrown, so that the job queue hands the job out again', async (t) => {
  const bench = new Bench({
    siteOf: () => {
      throw new TypeError('a bug');
    },
  });
  await t.rejects(bench.take(eventText()), TypeError);
});
