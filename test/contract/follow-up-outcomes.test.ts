/** From the answer of VOD on the wire to the outcome of the follow-up, with the real client in between. */
import t from 'tap';
import { readFollowUp } from '../../src/event/follow-up-event.js';
import type { FollowUpOutcome, FollowUpResult } from '../../src/event/follow-up.js';
import { createDeletion } from '../../src/follow-up/deletion.js';
import { VodClient } from '../../src/follow-up/vod-client.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import type { VodFault } from '../../src/sandbox/faults/fault.js';
import { systemClock } from '../../src/time.js';
import { longAgoMs } from '../support/orphans.js';

const operations = ['GetVideoInfo', 'DeleteMultipartUpload'] as const;

/** Every code that VOD and its gateway document, and some that nobody does. */
const codes: readonly (readonly [code: string, outcome: FollowUpOutcome])[] = [
  ['InvalidMultipartUpload.NotFound', 'nothing-to-delete'],
  ['InvalidVideo.NotFound', 'nothing-to-delete'],
  ['InvalidFile.NotFound', 'nothing-to-delete'],
  ['invalidvideo.notfound', 'nothing-to-delete'],
  ['InvalidStorage.NotFound', 'blocked'],
  ['AccessDenied', 'blocked'],
  ['OperationDenied', 'blocked'],
  ['OperationDenied.Suspended', 'blocked'],
  ['Forbidden', 'blocked'],
  ['Forbidden.RAM', 'blocked'],
  ['Forbidden.RiskControl', 'blocked'],
  ['InvalidParameter', 'failed'],
  ['MissingParameter', 'failed'],
  ['InvalidApi.NotFound', 'failed'],
  ['InternalError', 'postponed'],
  ['ServiceUnAvailable', 'postponed'],
  ['ServiceUnavailable', 'postponed'],
  ['SignatureNonceUsed', 'postponed'],
  ['InvalidTimeStamp.Expired', 'postponed'],
  ['InvalidAccessKeyId.NotFound', 'postponed'],
  ['InvalidAccessKeyId.Inactive', 'postponed'],
  ['InvalidSecurityToken.Expired', 'postponed'],
  ['NeverHeardOf', 'postponed'],
];

const transportFaults: readonly VodFault[] = [
  { service: 'vod', kind: 'html-502' },
  { service: 'vod', kind: 'empty-503' },
  { service: 'vod', kind: 'reset' },
  { service: 'vod', kind: 'reset-after-effect' },
  { service: 'vod', kind: 'truncated-body' },
  { service: 'vod', kind: 'hang' },
];

t.test('every code and every failure of the transport has its outcome', async (t) => {
  const sandbox = await startSandbox();
  t.teardown(() => sandbox.close());
  // Else the calls of the cases before are refused too, on a machine that makes more than ten of them in a
  // second.
  sandbox.actions.setVodQuotas({ GetVideoInfo: 1_000, DeleteMultipartUpload: 1_000 });
  const { url, accessKeyId, accessKeySecret } = sandbox;
  const client = new VodClient({
    endpoint: url,
    credentials: {
      get: () => Promise.resolve({ accessKeyId, accessKeySecret }),
      refuse: () => undefined,
    },
    clock: systemClock,
    answerWithinMs: 500,
  });
  t.teardown(() => client.close());
  const deleteParts = createDeletion({
    guard: true,
    quietPeriodMs: 1_000,
    maxAttempts: 10,
    clock: systemClock,
    onClock: () => undefined,
  });
  let throttled = 0;
  const permit = {
    begin: () => true,
    unused: () => undefined,
    throttled: () => {
      throttled++;
      return 1;
    },
  };

  const follow = async (fault: VodFault): Promise<FollowUpResult> => {
    sandbox.actions.seedMedia([{ mediaId: 'm', parts: 1, createdMs: longAgoMs() }]);
    sandbox.actions.setFaults([fault]);
    const followUp = readFollowUp(eventText);
    if (!followUp) throw new Error('the event cannot be read');
    const signal = new AbortController().signal;
    const permits = { acquire: () => Promise.resolve(permit) };
    const site = { client, permits, vodNowMs: () => client.vodNowMs };
    const signals = { stop: signal, cut: signal };
    const facts = { nowMs: () => Promise.resolve(Date.now()), known: () => Promise.resolve('open' as const) };
    const result = await deleteParts(followUp, { kind: 'call', row: 'failed' }, site, signals, facts);
    if (typeof result === 'string') throw new Error(result);
    return result;
  };

  for (const operation of operations) {
    for (const [code, outcome] of codes) {
      const result = await follow({ kind: 'vod-error', code, operation });
      t.match(result, { outcome, code }, `${code} to ${operation}`);
      t.match(result.requestId, /^[0-9A-F-]+$/, 'and the request id of VOD');
    }
    for (const fault of transportFaults) {
      const result = await follow({ ...fault, operation });
      t.match(result, { outcome: 'postponed', attempts: 1 }, `${fault.kind} to ${operation}`);
      t.notMatch(JSON.stringify(result), accessKeySecret);
    }
    const before = throttled;
    const result = await follow({ kind: 'vod-error', code: 'Throttling.User', operation, count: 1 });
    t.match(result, { outcome: 'deleted', attempts: 1 }, `Throttling.User to ${operation} is waited out`);
    t.equal(throttled, before + 1);
  }
});

const eventText = JSON.stringify({
  specversion: '1.0',
  id: '0'.repeat(32),
  source: 'acs:vod:cn-shanghai:1000000000000001',
  type: 'com.aliyun.vod.DeleteMediaComplete',
  time: new Date().toISOString(),
  queue: 'vod-events',
  data: { mediaId: 'm', mediaType: 'video', deleteType: 'all', status: 'fail', jobIds: [] },
});
