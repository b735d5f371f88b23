/** `vod-relay doctor` on an MNS that cannot be reached or used as a relay uses it. */
import t from 'tap';
import {
  allCredentials,
  closedPort,
  examine,
  expectProblems,
  inBothCalls,
  key,
  secret,
  type BadSetUp,
  type ExpectedProblem,
} from '../support/doctor.js';
import { startTestbed } from '../support/testbed.js';

const bed = await startTestbed({ credentials: allCredentials });
t.teardown(() => bed[Symbol.asyncDispose]());

const closed = `http://127.0.0.1:${await closedPort()}`;

function inQueue(status: 'warn' | 'fail', id: string, remedy: RegExp): ExpectedProblem {
  return { area: 'queue vod-events', id, status, remedy };
}

const badSetUps: readonly BadSetUp[] = [
  {
    what: 'a queue that does not exist',
    queueConfig: { name: 'vod-event' },
    finds: [{ ...inQueue('fail', 'access', /queues\[\]\.name/), area: 'queue vod-event' }],
  },
  {
    what: 'an endpoint where nobody listens',
    queueConfig: { endpoint: closed },
    finds: [inQueue('fail', 'access', /endpoint, DNS, TLS/)],
  },
  {
    what: 'an MNS that never answers',
    faults: [{ kind: 'hang' }],
    finds: [inQueue('fail', 'access', /network/)],
  },
  {
    what: 'a proxy in place of MNS',
    faults: [{ kind: 'html-502' }],
    finds: [inQueue('fail', 'access', /proxy/)],
  },
  {
    what: 'an access key that does not exist',
    config: key('unknown'),
    finds: [
      inQueue('fail', 'access', /credentials\.accessKeyId/),
      ...inBothCalls(bed, /access key, and that it is active/),
    ],
  },
  {
    what: 'a wrong secret',
    config: key('all', 'another-secret'),
    finds: [
      inQueue('fail', 'access', /credentials\.accessKeySecret/),
      ...inBothCalls(bed, /access key secret/),
    ],
  },
  {
    what: 'a token that has expired',
    config: {
      credentials: {
        type: 'sts',
        accessKeyId: 'expired',
        accessKeySecret: secret,
        securityToken: 'old-token',
      },
    },
    finds: [inQueue('fail', 'access', /credentials\.securityToken/), ...inBothCalls(bed, /token/)],
  },
  {
    what: 'credentials whose source is not there',
    config: {
      credentials: {
        type: 'oidc_role_arn',
        roleArn: 'acs:ram::1:role/relay',
        oidcProviderArn: 'acs:ram::1:oidc-provider/ack',
        oidcTokenFile: '/nowhere/token',
      },
    },
    finds: [inQueue('fail', 'access', /`credentials` section/), ...inBothCalls(bed, /`credentials` section/)],
  },
  {
    what: 'a clock that is 20 minutes off',
    faults: [{ kind: 'clock-skew', offsetMs: 1_200_000 }],
    finds: [inQueue('fail', 'access', /timedatectl/)],
  },
  {
    what: 'a clock that is 5 minutes off',
    faults: [{ kind: 'clock-skew', offsetMs: -300_000 }],
    finds: [inQueue('warn', 'clock', /timedatectl/)],
  },
  {
    what: 'no permission to look at the queue',
    config: key('no-GetQueueAttributes'),
    finds: [inQueue('fail', 'access', /mns:GetQueueAttributes/)],
  },
  {
    what: 'no permission to receive',
    config: key('no-BatchReceive'),
    finds: [inQueue('fail', 'mns:BatchReceiveMessage', /mns:BatchReceiveMessage/)],
  },
  {
    what: 'no permission to delete',
    config: key('no-BatchDelete'),
    finds: [inQueue('fail', 'mns:BatchDeleteMessage', /mns:BatchDeleteMessage/)],
  },
  {
    what: 'no permission to renew',
    config: key('no-ChangeVisibility'),
    finds: [inQueue('fail', 'mns:ChangeMessageVisibility', /mns:ChangeMessageVisibility/)],
  },
];

t.test('the doctor finds what is wrong with access to MNS, and nothing else', async (t) => {
  for (const { what, queueConfig = {}, config = {}, faults = [], finds } of badSetUps) {
    await t.test(what, async (t) => {
      await bed.control.setFaults(faults);
      const queues = [bed.queue('vod-events', queueConfig)];
      const examined = await examine(bed, { ...key('all'), queues, ...config });
      expectProblems(t, examined, finds);
      for (const hidden of [secret, 'another-secret', 'old-token']) t.notMatch(examined.stdout, hidden);
      await bed.control.clearFaults();
    });
  }
});
