import fc from 'fast-check';
import t from 'tap';
import type { FollowUp } from '../../../src/event/follow-up.js';
import { planRows, planTable } from '../../../src/follow-up/plan-table.js';
import { plan, type FollowUpPolicy, type Plan } from '../../../src/follow-up/plan.js';
import { anyText } from '../event/arbitrary-events.js';

/** Status, MediaType, DeleteType and ErrorCode. */
type Event = readonly [status: string, mediaType: string, deleteType: string, errorCode?: string | undefined];

/** The decision, by events: `call` and `verify` are calls, the rest are outcomes. */
interface Expected {
  orphans: string;
  verify: string;
  unguarded: { orphans: string; verify: string };
  events: Event[];
}

const statuses = ['success', 'fail'];
const deleteTypes = ['all', 'mezzanine', 'stream'];
const never = (outcome: string): Omit<Expected, 'events'> => {
  return { orphans: outcome, verify: outcome, unguarded: { orphans: outcome, verify: outcome } };
};
const onlyGuarded = {
  orphans: 'call',
  verify: 'call',
  unguarded: { orphans: 'skipped', verify: 'skipped' },
};
const onlyVerified = {
  orphans: 'skipped',
  verify: 'verify',
  unguarded: { orphans: 'skipped', verify: 'verify' },
};

const rows: Record<string, Expected> = {
  'not-a-video': {
    ...never('skipped'),
    events: ['image', 'attached'].flatMap((mediaType) =>
      statuses.flatMap((status) =>
        deleteTypes.flatMap((deleteType): Event[] => [
          [status, mediaType, deleteType],
          [status, mediaType, deleteType, 'Forbidden'],
        ]),
      ),
    ),
  },
  'streams-deleted': {
    ...never('skipped'),
    events: [
      ['success', 'video', 'stream'],
      ['success', 'video', 'stream', 'InternalError'],
      ['fail', 'video', 'stream'],
      ['fail', 'video', 'stream', 'InternalError'],
      ['fail', 'video', 'stream', 'Forbidden'],
      ['fail', 'video', 'stream', 'InvalidVideo.NotFound'],
    ],
  },
  'deleted-whole': { ...onlyVerified, events: [['success', 'video', 'all']] },
  'mezzanine-deleted': { ...onlyGuarded, events: [['success', 'video', 'mezzanine']] },
  'already-gone': {
    ...onlyVerified,
    events: [
      ['fail', 'video', 'all', 'InvalidVideo.NotFound'],
      ['fail', 'video', 'mezzanine', 'InvalidVideo.NotFound'],
      ['fail', 'video', 'all', 'INVALIDVIDEO.notfound'],
    ],
  },
  refused: {
    ...never('blocked'),
    events: [
      'Forbidden',
      'Forbidden.RAM',
      'forbidden.riskcontrol',
      'ForbiddenX',
      'AccessDenied',
      'accessdenied',
      'OperationDenied',
      'OperationDenied.Suspended',
      'OPERATIONDENIED',
      'InvalidParameter',
      'MissingParameter',
      'VideoIdsExceededMax',
      'videoIdsExceededMax',
    ].flatMap((code): Event[] => [
      ['fail', 'video', 'all', code],
      ['fail', 'video', 'mezzanine', code],
    ]),
  },
  failed: {
    ...never('call'),
    events: [
      ['fail', 'video', 'all'],
      ['fail', 'video', 'all', 'DeleteVideoFailed'],
      ['fail', 'video', 'all', 'InternalError'],
      ['fail', 'video', 'all', 'ServiceUnAvailable'],
      ['fail', 'video', 'all', 'InvalidVideo'],
      ['fail', 'video', 'all', 'Not.Forbidden'],
    ],
  },
  'mezzanine-failed': {
    ...onlyGuarded,
    events: [
      ['fail', 'video', 'mezzanine'],
      ['fail', 'video', 'mezzanine', 'InternalError'],
    ],
  },
  'unknown-value': {
    ...never('unknown'),
    events: [
      ['partial', 'video', 'all'],
      ['Fail', 'video', 'all', 'Forbidden'],
      ['', 'video', 'all'],
      ['fail', 'audio', 'all'],
      ['fail', 'Video', 'all', 'InvalidVideo.NotFound'],
      ['fail', 'video ', 'all'],
      ['success', 'video', 'everything'],
      ['success', 'video', 'ALL'],
      ['fail', 'video', 'everything', 'InternalError'],
      ['partial', 'video', 'stream'],
      ['fail', 'audio', 'stream'],
      ['partial', 'image', 'all'],
      ['success', 'image', 'everything'],
      ['success', 'video', 'all', 'InternalError'],
      ['success', 'video', 'mezzanine', 'InternalError'],
      ['success', 'video', 'mezzanine', 'InvalidVideo.NotFound'],
    ],
  },
};

t.test('the table below has every row of the plan', async (t) => {
  t.same(
    planRows.map(({ name }) => name),
    Object.keys(rows),
  );
});

for (const [row, { events, orphans, verify, unguarded }] of Object.entries(rows)) {
  const expectations: [policy: FollowUpPolicy, guarded: boolean, decision: string][] = [
    ['orphans', true, orphans],
    ['orphans', false, unguarded.orphans],
    ['verify', true, verify],
    ['verify', false, unguarded.verify],
    ['off', true, 'skipped'],
    ['off', false, 'skipped'],
  ];
  for (const [policy, guarded, decision] of expectations) {
    t.test(
      `under ${policy} ${guarded ? 'with' : 'without'} the guard, ${row} comes to ${decision}`,
      async (t) => {
        for (const event of events) {
          const planned = plan(followUpOf(event), policy, guarded);
          t.same({ row: planned.row, decision: decisionOf(planned) }, { row, decision }, event.join(' '));
        }
      },
    );
  }
}

t.test('a follow-up without a call says why', async (t) => {
  const whole = followUpOf(['success', 'video', 'all']);
  const mezzanine = followUpOf(['success', 'video', 'mezzanine']);
  const unknown = followUpOf(['fail', 'audio', 'all']);
  t.match(plan(whole, 'orphans', true), { reason: /DeleteVideo has removed the parts/ });
  t.match(plan(mezzanine, 'orphans', false), { reason: /followUp\.guard is off/ });
  t.match(plan(unknown, 'verify', true), { reason: /does not know/ });
  t.match(plan(unknown, 'off', true), { reason: 'followUp.policy is off' });
});

t.test('a media id that VOD cannot have given leads to no call', (t) => {
  const orphan = followUpOf(['fail', 'video', 'all']);
  for (const mediaId of ['', 'x'.repeat(257), '\ud800', 'a\udc00b']) {
    t.match(plan({ ...orphan, mediaId }, 'verify', true), { row: 'unknown-value', outcome: 'unknown' });
  }
  t.match(plan({ ...orphan, mediaId: '媒体 😀'.padEnd(256, 'x') }, 'orphans', true), { kind: 'call' });
  t.end();
});

t.test('no unknown value, image, attached media or stream leads to a call', async (t) => {
  const status = fc.oneof(fc.constantFrom(...statuses), anyText);
  const mediaType = fc.oneof(fc.constantFrom('video', 'image', 'attached'), anyText);
  const deleteType = fc.oneof(fc.constantFrom(...deleteTypes), anyText);
  const errorCode = fc.option(fc.oneof(fc.constantFrom('InternalError', 'InvalidVideo.NotFound'), anyText), {
    nil: undefined,
  });
  const policy = fc.constantFrom<FollowUpPolicy>('orphans', 'verify', 'off');
  let calls = 0;
  fc.assert(
    fc.property(status, mediaType, deleteType, errorCode, policy, fc.boolean(), (...drawn) => {
      const [status, mediaType, deleteType, errorCode, policy, guarded] = drawn;
      const planned = plan(followUpOf([status, mediaType, deleteType, errorCode]), policy, guarded);
      if (planned.kind === 'none') return true;
      calls++;
      return (
        policy !== 'off' &&
        statuses.includes(status) &&
        mediaType === 'video' &&
        ['all', 'mezzanine'].includes(deleteType)
      );
    }),
    { numRuns: 2000 },
  );
  t.ok(calls > 0, 'while others do');
});

t.test('the documented table has a line for each row of the plan, and its cells', async (t) => {
  const [heading = '', rule = '', ...lines] = planTable().trimEnd().split('\n');
  t.same(
    lines.map((line) => /^\| `([a-z-]+)` \|/.exec(line)?.[1]),
    Object.keys(rows),
  );
  const columns = [heading, rule, ...lines].map((line) => line.split('|').length);
  t.same(new Set(columns), new Set([10]), 'of eight cells each');
  t.match(lines[2], /\| `success` \| `video` \| `all` \| none \| `skipped` \| \*\*call\*\* \|/);
  t.match(lines[5], /`Forbidden\*`, `AccessDenied`.* \| `blocked` \| `blocked` \|/);
});

function followUpOf([status, mediaType, deleteType, errorCode]: Event): FollowUp {
  return {
    eventId: '1182a23a22fc16314bb5d7834f526ba9',
    source: 'acs:vod:cn-shanghai:1234567890123456',
    queue: 'vod-events',
    eventTime: '2017-03-20T07:49:17Z',
    mediaId: '1234343b689jsi3ka5422dfe1e47****',
    mediaType,
    deleteType,
    status,
    ...(errorCode === undefined ? {} : { errorCode }),
    attempts: 0,
    postponements: 0,
    waitMs: 0,
  };
}

function decisionOf(planned: Plan): string {
  return planned.kind === 'none' ? planned.outcome : planned.kind;
}
