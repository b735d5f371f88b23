/** `vod-relay doctor` on a VOD that cannot be called as a follow-up calls it. */
import t from 'tap';
import {
  allCredentials,
  closedPort,
  examine,
  expectProblems,
  inBothCalls,
  inVod,
  key,
  type BadSetUp,
} from '../support/doctor.js';
import { region, startTestbed } from '../support/testbed.js';

const bed = await startTestbed({ credentials: allCredentials });
t.teardown(() => bed[Symbol.asyncDispose]());

const vod = { region, account: bed.sandbox.accountId, endpoint: bed.sandbox.url };
const closed = `http://127.0.0.1:${await closedPort()}`;

const badSetUps: readonly BadSetUp[] = [
  {
    what: 'no permission for the guard',
    config: key('no-GetVideoInfo'),
    finds: [inVod(bed, 'fail', 'vod:GetVideoInfo', /grant .*vod:GetVideoInfo/)],
  },
  {
    what: 'no permission to delete uploads',
    config: key('no-DeleteMultipartUpload'),
    finds: [inVod(bed, 'fail', 'vod:DeleteMultipartUpload', /grant .*vod:DeleteMultipartUpload/)],
  },
  {
    what: 'a VOD where nobody listens',
    queueConfig: { vod: { ...vod, endpoint: closed } },
    finds: inBothCalls(bed, /vod\.endpoint/),
  },
  {
    what: 'a VOD that is not activated in the region',
    faults: [{ kind: 'vod-error', code: 'OperationDenied' }],
    finds: inBothCalls(bed, /activate VOD/),
  },
  {
    what: 'an account with overdue payments',
    faults: [{ kind: 'vod-error', code: 'OperationDenied.Suspended' }],
    finds: inBothCalls(bed, /overdue payments/),
  },
  {
    what: 'a clock that VOD does not accept',
    faults: [{ kind: 'vod-error', code: 'InvalidTimeStamp.Expired' }],
    finds: inBothCalls(bed, /clock/),
  },
  {
    what: 'a quota that others use up',
    faults: [{ kind: 'vod-error', code: 'Throttling.User', operation: 'DeleteMultipartUpload' }],
    finds: [inVod(bed, 'warn', 'vod:DeleteMultipartUpload', /followUp\.callsPerSecond/)],
  },
  {
    what: 'more calls a second than VOD allows',
    config: { followUp: { callsPerSecond: 20 } },
    finds: [inVod(bed, 'warn', 'quota', /followUp\.callsPerSecond: 10/)],
  },
];

t.test('the doctor finds what is wrong with VOD, and nothing else', async (t) => {
  for (const { what, queueConfig = {}, config = {}, faults = [], finds } of badSetUps) {
    await t.test(what, async (t) => {
      await bed.control.setFaults(faults);
      const queues = [bed.queue('vod-events', queueConfig)];
      expectProblems(t, await examine(bed, { ...key('all'), queues, ...config }, 'follow-up'), finds);
      await bed.control.clearFaults();
    });
  }
});

t.test('what a configuration does not use is not asked for', async (t) => {
  const none = { ...key('no-GetVideoInfo'), followUp: { guard: false } };
  expectProblems(t, await examine(bed, none, 'follow-up'), []);
  const { results } = await examine(bed, { ...key('unknown'), followUp: { policy: 'off' } }, 'follow-up');
  t.notOk(
    results.some(({ area }) => area.startsWith('VOD')),
    'with the policy off, VOD is not called',
  );
});
