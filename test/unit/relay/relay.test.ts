import t from 'tap';
import { PublishRejectedError } from '../../../src/nats/publish/not-stored.js';
import type { PubAck, Publication } from '../../../src/nats/publish/publisher.js';
import type { Outcome } from '../../../src/relay/outcome.js';
import { createRelay, type RelayLease, type RelayOptions } from '../../../src/relay/relay.js';
import { deletionBody, foreignBody } from '../../support/vod-messages.js';

interface Run {
  outcome: Outcome;
  /** The steps of the relay, in order: `publish <stream>`, `ack`, `release <seconds>`, `abandon`. */
  steps: string[];
}

type Answer = (publication: Publication, lease: RelayLease) => Promise<PubAck>;

const stored: Answer = async () => ({ seq: 1, duplicate: false });
const anId = /^[0-9a-f]{32}$/;
const fails: Answer = async () => {
  throw new TypeError('a bug');
};
const rejects: Answer = async () => {
  throw new PublishRejectedError('too large');
};

interface RunOptions {
  body?: string;
  attempt?: number;
  event?: Answer;
  deadLetter?: Answer;
  /** Whether ack and release succeed. */
  settles?: boolean;
  foreignEvents?: RelayOptions['foreignEvents'];
}

/** Takes one message through the relay, with a publisher that answers as told. */
async function relayOne({
  body = deletionBody(),
  attempt = 1,
  event = stored,
  deadLetter = stored,
  settles = true,
  foreignEvents = 'forward',
}: RunOptions): Promise<Run> {
  const steps: string[] = [];
  const settled: Outcome[] = [];
  const lease: RelayLease & { interruption: RelayLease['interruption'] } = {
    message: { messageId: 'M', body, damaged: false, attempt, enqueuedAtMs: 0, properties: {} },
    signal: new AbortController().signal,
    interruption: undefined,
    ack: async () => {
      steps.push('ack');
      return settles;
    },
    release: async (delaySeconds) => {
      steps.push(`release ${delaySeconds}`);
      return settles;
    },
    abandon: () => {
      steps.push('abandon');
    },
  };
  const relay = createRelay({
    publisher: {
      publish: async (publication) => {
        steps.push(`publish ${publication.stream}`);
        return await (publication.stream === 'VOD_EVENTS' ? event : deadLetter)(publication, lease);
      },
    },
    origin: { region: 'cn-shanghai', account: '1', queue: 'q' },
    prefix: 'vod',
    foreignEvents,
    maxAttempts: 3,
    onSettled: (_message, outcome) => settled.push(outcome),
  });
  const outcome = await relay(lease);
  t.same(settled, [outcome], 'each message is reported once, with its outcome');
  return { outcome, steps };
}

/** Interrupts the lease while the publish is under way. */
function interrupts(how: NonNullable<RelayLease['interruption']>): Answer {
  return async (_publication, lease) => {
    (lease as { interruption: RelayLease['interruption'] }).interruption = how;
    throw new Error('aborted');
  };
}

interface Row extends RunOptions {
  name: string;
  wanted: object;
  steps: string[];
}

const [publishes, buries] = ['publish VOD_EVENTS', 'publish VOD_DEAD_LETTERS'] as const;
const duplicate: Answer = async () => ({ seq: 1, duplicate: true });

const rows: Row[] = [
  { name: 'an event is published, then acked', wanted: { kind: 'published' }, steps: [publishes, 'ack'] },
  {
    name: 'a duplicate is acked too',
    event: duplicate,
    wanted: { kind: 'duplicate' },
    steps: [publishes, 'ack'],
  },
  {
    name: 'a foreign event is forwarded',
    body: foreignBody(),
    wanted: { kind: 'forwarded' },
    steps: [publishes, 'ack'],
  },
  {
    name: 'a foreign event is discarded when the config says so',
    body: foreignBody(),
    foreignEvents: 'discard',
    wanted: { kind: 'discarded' },
    steps: ['ack'],
  },
  {
    name: 'a foreign event becomes a dead letter when the config says so',
    body: foreignBody(),
    foreignEvents: 'dead-letter',
    wanted: { kind: 'dead-lettered', code: 'foreign-refused' },
    steps: [buries, 'ack'],
  },
  {
    name: 'what is no event becomes a dead letter',
    body: '?',
    wanted: { kind: 'dead-lettered', code: 'not-json', at: 'offset 0' },
    steps: [buries, 'ack'],
  },
  {
    name: 'invariant 4: an unknown error means redeliver, later each time',
    event: fails,
    attempt: 2,
    wanted: { kind: 'released', delaySeconds: 4, eventId: anId, cause: TypeError },
    steps: [publishes, 'release 4'],
  },
  {
    name: 'invariant 4: after the last attempt the bytes go to the dead letters',
    event: fails,
    attempt: 3,
    wanted: { kind: 'dead-lettered', code: 'attempts-exhausted', reason: 'failed 3 times: TypeError' },
    steps: [publishes, buries, 'ack'],
  },
  {
    name: 'invariant 4: if that fails too, redeliver',
    event: fails,
    deadLetter: fails,
    attempt: 3,
    wanted: { kind: 'released', delaySeconds: 8 },
    steps: [publishes, buries, 'release 8'],
  },
  {
    name: 'invariant 4: a delay has a bound',
    body: '?',
    deadLetter: fails,
    attempt: 40,
    wanted: { kind: 'released', delaySeconds: 300 },
    steps: [buries, buries, 'release 300'],
  },
  {
    name: 'what NATS refuses for good becomes a dead letter at the first attempt',
    event: rejects,
    wanted: { kind: 'dead-lettered', code: 'publish-rejected', reason: 'too large' },
    steps: [publishes, buries, 'ack'],
  },
  {
    name: 'a lease that is lost while publishing is let go of',
    event: interrupts('lost'),
    wanted: { kind: 'lease-lost' },
    steps: [publishes, 'abandon'],
  },
  {
    name: 'a message that a stop wants back is released for any replica to take at once',
    event: interrupts('release'),
    wanted: { kind: 'released', delaySeconds: 1 },
    steps: [publishes, 'release 1'],
  },
  {
    name: 'a hard stop says nothing more to the queue',
    event: interrupts('abandon'),
    wanted: { kind: 'abandoned' },
    steps: [publishes, 'abandon'],
  },
  {
    name: 'an interruption while the dead letter is published counts as well',
    event: rejects,
    deadLetter: interrupts('release'),
    wanted: { kind: 'released', delaySeconds: 1 },
    steps: [publishes, buries, 'release 1'],
  },
  {
    name: 'an ack that comes too late leaves the message to the queue',
    settles: false,
    wanted: { kind: 'lease-lost', eventId: anId },
    steps: [publishes, 'ack'],
  },
  {
    name: 'so does a release that fails',
    event: fails,
    settles: false,
    wanted: { kind: 'lease-lost', eventId: anId, cause: TypeError },
    steps: [publishes, 'release 2'],
  },
];

for (const { name, wanted, steps, ...options } of rows) {
  t.test(name, async (t) => {
    const run = await relayOne(options);
    t.match(run.outcome, wanted);
    t.same(run.steps, steps);
  });
}
