import t from 'tap';
import type { FaultRule } from '../../src/sandbox/faults/fault.js';
import { openSandbox } from './open-sandbox-mns.js';
import { openSandboxVod, refusedByVod, type VodReply } from './open-sandbox-vod.js';
import { signV1, signV3, type SignedRequest, type VodCallSpec } from '../support/vod-sign.js';
import { until } from '../support/until.js';

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A sandbox with a media that has parts, and these faults. */
async function open(test: Test, faults: FaultRule[] = []) {
  const opened = await openSandboxVod(test);
  opened.sandbox.actions.seedMedia([{ mediaId: 'm1', parts: 2 }]);
  opened.sandbox.actions.setFaults(faults);
  return { ...opened, parts: () => opened.sandbox.actions.media('m1')?.parts };
}

type Test = Parameters<typeof openSandboxVod>[0];

t.test('the published vectors of both signatures pass, and no change to them does', async (t) => {
  const v3: SignedRequest = {
    method: 'POST',
    target: '/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai',
    headers: {
      host: 'ecs.cn-shanghai.aliyuncs.com',
      'x-acs-action': 'RunInstances',
      'x-acs-content-sha256': emptyHash,
      'x-acs-date': '2023-10-26T10:22:32Z',
      'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
      'x-acs-version': '2014-05-26',
      accept: 'application/json',
      authorization:
        'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
    },
  };
  const v1: SignedRequest = {
    method: 'GET',
    target:
      '/?Action=GetVideoPlayAuth&VideoId=5aed81b74ba84920be578cdfe004af4b&Format=JSON&Version=2017-03-21&AccessKeyId=testAccessKeyId&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=8f8a035d-6496-4268-afd4-67c22837e38d&Timestamp=2017-10-10T12%3A02%3A54Z&Signature=Ibgh7y8Vp47LBuAsf5Xhi1SvDss%3D',
    headers: {},
  };
  const rows = [
    { request: v3, secret: 'YourAccessKeySecret', date: '2023-10-26T10:22:32Z', passes: 'InvalidVersion' },
    {
      request: v1,
      secret: 'testAccessKeySecret',
      date: '2017-10-10T12:02:54Z',
      passes: 'InvalidAction.NotFound',
    },
  ];
  for (const { request, secret, date, passes } of rows) {
    const { sandbox, clock, send } = await openSandboxVod(t);
    clock.advance(Date.parse(date) - clock.now());
    const accessKeyId = request === v3 ? 'YourAccessKeyId' : 'testAccessKeyId';
    sandbox.actions.setCredentials([{ accessKeyId, accessKeySecret: secret }]);
    const altered: SignedRequest[] = [
      { ...request, method: 'PUT' },
      { ...request, target: `${request.target}&a=b` },
      { ...request, target: request.target.replace('20230811', '20230812').replace('af4b', 'af4c') },
    ];
    if (request === v3) altered.push({ ...v3, headers: { ...v3.headers, 'x-acs-action': 'StopInstances' } });
    for (const wrong of altered) refusedByVod(t, await send(wrong), 400, 'SignatureDoesNotMatch');
    if (request === v3) refusedByVod(t, await send(v3, 'body'), 400, 'SignatureDoesNotMatch');
    t.equal((await send(request)).json['Code'], passes, 'the signature is right, the call is not for VOD');
    refusedByVod(t, await send(request), 400, 'SignatureNonceUsed');
  }
});

t.test('both ways of signing take any text in a parameter', async (t) => {
  const { sandbox, v3, v1, send, spec } = await openSandboxVod(t);
  const mediaId = "a b*~!'()+/=&%中";
  sandbox.actions.seedMedia([{ mediaId, status: 'Uploading' }]);
  const found = { Video: { VideoId: mediaId, Status: 'Uploading' } };
  t.match((await v3('GetVideoInfo', { VideoId: mediaId })).json, found);
  t.match((await v3('GetVideoInfo', { VideoId: mediaId }, { method: 'GET' })).json, found);
  t.match((await v1('GetVideoInfo', { VideoId: mediaId, Format: 'json' })).json, found);
  const { target, ...rest } = signV1({
    ...spec('GetVideoInfo', { VideoId: mediaId, Format: 'JSON' }),
    method: 'POST',
  });
  const form = { ...rest.headers, 'content-type': 'application/x-www-form-urlencoded' };
  t.match((await send({ ...rest, target: '/', headers: form }, target.slice(2))).json, found, 'in a form');
});

t.test('a call that is signed in its parameters may send `x-acs-action` as well', async (t) => {
  const { send, spec } = await openSandboxVod(t);
  const { headers, ...rest } = signV1(spec('GetVideoInfo', { VideoId: 'm', Format: 'JSON' }));
  const names = { 'x-acs-action': 'GetVideoInfo', 'x-acs-version': '2017-03-21' };
  const { json } = await send({ ...rest, headers: { ...headers, ...names } });
  t.match(json, { Code: 'InvalidVideo.NotFound' });
  const unsigned = await send({ method: 'POST', target: '/?VideoId=m', headers: { ...headers, ...names } });
  t.match(unsigned.text, /Authorization/, 'without any signature it is of the newer kind');
});

t.test('without a word about JSON the answer is XML', async (t) => {
  const { v1, send, spec } = await openSandboxVod(t);
  const gone = await v1('GetVideoInfo', { VideoId: '<m>' });
  t.equal(gone.status, 404);
  t.equal(gone.headers['content-type'], 'text/xml;charset=utf-8');
  t.match(
    gone.text,
    /^<\?xml version="1.0" encoding="UTF-8"\?><Error><RequestId>[^<]+<\/RequestId><HostId>127[^<]+<\/HostId><Code>InvalidVideo.NotFound<\/Code><Message>The video does not exist.<\/Message>/,
  );
  const { headers, ...rest } = signV3(spec('DeleteVideo', { VideoIds: '<m>,&' }));
  const { text } = await send({ ...rest, headers: { ...headers, accept: '*/*' } });
  t.match(
    text,
    /<DeleteVideoResponse><RequestId>[^<]+<\/RequestId><NonExistVideoIds>&lt;m&gt;<\/NonExistVideoIds><NonExistVideoIds>&amp;<\/NonExistVideoIds><\/DeleteVideoResponse>$/,
  );
});

t.test('who is not known, late or incomplete is refused, whichever way the call is signed', async (t) => {
  const { v3, v1, clock, sandbox } = await openSandboxVod(t);
  const minutes = (count: number, ms = 0) =>
    new Date(clock.now() + count * 60_000 + ms).toISOString().replace(/\.\d+/, '');
  const video = { VideoId: 'm1', Format: 'JSON' };
  const rows: [Partial<VodCallSpec>, number, string][] = [
    [{}, 404, 'InvalidVideo.NotFound'],
    [{ accessKeyId: 'other' }, 404, 'InvalidAccessKeyId.NotFound'],
    [{ accessKeySecret: 'other' }, 400, 'SignatureDoesNotMatch'],
    [{ date: minutes(-15) }, 404, 'InvalidVideo.NotFound'],
    [{ date: minutes(-15, -1000) }, 400, 'InvalidTimeStamp.Expired'],
    [{ date: minutes(15, 1000) }, 400, 'InvalidTimeStamp.Expired'],
    [{ date: 'now' }, 400, 'InvalidTimeStamp.Format'],
    [{ date: '2026-13-45T00:00:00Z' }, 400, 'InvalidTimeStamp.Format'],
    [{ date: '' }, 400, 'MissingParameter'],
    [{ nonce: '' }, 400, 'MissingParameter'],
    [{ version: '2014-05-26' }, 400, 'InvalidVersion'],
    [{ version: '' }, 400, 'MissingParameter'],
    [{ action: 'GetPlayInfo' }, 404, 'InvalidAction.NotFound'],
    [{ securityToken: 'made-up' }, 400, 'InvalidSecurityToken.MismatchWithAccessKey'],
  ];
  for (const [rest, status, code] of rows) {
    for (const call of [v3, v1]) refusedByVod(t, await call('GetVideoInfo', video, rest), status, code);
  }
  t.equal(sandbox.actions.vodState().calls['GetVideoInfo']?.['SignatureDoesNotMatch'], 2);
  t.equal(sandbox.actions.vodState().calls['Unknown']?.['InvalidAction.NotFound'], 2);
  const told = await v3('GetVideoInfo', video, { accessKeySecret: 'other' });
  t.match(
    told.json['Message'],
    /server string to sign is:.*\nx-acs-action:GetVideoInfo/s,
    'as the service does',
  );
});

t.test('a temporary key needs its token, until it expires', async (t) => {
  const { v3, v1, sandbox, clock } = await openSandboxVod(t);
  const expiresMs = clock.now() + 1000;
  const credential = { accessKeyId: 'STS.1', accessKeySecret: 's', securityToken: 'token+/=', expiresMs };
  sandbox.actions.setCredentials([credential]);
  const { accessKeyId, accessKeySecret, securityToken } = credential;
  const key = { accessKeyId, accessKeySecret };
  const rows: [Partial<VodCallSpec>, number, string][] = [
    [{ ...key, securityToken }, 404, 'InvalidVideo.NotFound'],
    [key, 400, 'MissingSecurityToken'],
    [{ ...key, securityToken: 'token' }, 400, 'InvalidSecurityToken.MismatchWithAccessKey'],
  ];
  const video = { VideoId: 'm1', Format: 'JSON' };
  for (const call of [v3, v1]) {
    for (const [rest, status, code] of rows)
      refusedByVod(t, await call('GetVideoInfo', video, rest), status, code);
  }
  clock.advance(1000);
  for (const call of [v3, v1]) {
    const late = await call('GetVideoInfo', video, { ...key, securityToken });
    refusedByVod(t, late, 400, 'InvalidSecurityToken.Expired');
  }
});

t.test('a call signed in its headers must sign them all', async (t) => {
  const { send, spec } = await openSandboxVod(t);
  const refused = async (
    code: string,
    change: (headers: Record<string, string>) => Record<string, string>,
  ) => {
    const { headers, ...rest } = signV3(spec('GetVideoInfo', { VideoId: 'm1' }));
    const reply = await send({ ...rest, headers: change(headers) });
    refusedByVod(t, reply, 400, code);
    return reply;
  };
  const incomplete = await refused('IncompleteSignature', (headers) => ({ ...headers, 'x-acs-extra': '1' }));
  t.match(incomplete.json['Message'], /Credential=sandbox/, 'as the service does');
  await refused('IncompleteSignature', ({ authorization = '', ...headers }) => ({
    ...headers,
    authorization: authorization.replace('SignedHeaders=host;', 'SignedHeaders='),
  }));
  await refused('IncompleteSignature', (headers) => ({ ...headers, authorization: 'ACS3-HMAC-SHA256 x' }));
  await refused('MissingParameter', ({ authorization: _, ...headers }) => headers);
  await refused('SignatureDoesNotMatch', (headers) => ({ ...headers, 'x-acs-content-sha256': 'x' }));
});

t.test('a nonce is free again after half an hour', async (t) => {
  const { v3, v1, clock } = await openSandboxVod(t);
  const video = { VideoId: 'm1', Format: 'JSON' };
  const ask = (call: typeof v3) => call('GetVideoInfo', video, { nonce: 'same' });
  refusedByVod(t, await ask(v3), 404, 'InvalidVideo.NotFound');
  refusedByVod(t, await ask(v1), 400, 'SignatureNonceUsed');
  clock.advance(31 * 60_000);
  refusedByVod(t, await ask(v3), 400, 'SignatureNonceUsed');
  clock.advance(1);
  refusedByVod(t, await ask(v3), 404, 'InvalidVideo.NotFound');
});

t.test('faults come in place of the operation, or after it', async (t) => {
  const kinds: {
    kind: 'html-502' | 'empty-503' | 'reset' | 'reset-after-effect' | 'truncated-body';
    parts: number;
  }[] = [
    { kind: 'html-502', parts: 2 },
    { kind: 'empty-503', parts: 2 },
    { kind: 'reset', parts: 2 },
    { kind: 'reset-after-effect', parts: 0 },
    { kind: 'truncated-body', parts: 0 },
  ];
  const seen: Record<string, unknown> = {};
  for (const { kind, parts: left } of kinds) {
    const { deleteParts, parts, sandbox } = await open(t, [{ service: 'vod', kind }]);
    seen[kind] = await deleteParts('m1').then(
      ({ status, headers, text }: VodReply) => [status, headers['content-type'] ?? '', text.slice(0, 6)],
      (error: unknown) => (error as { code?: string }).code,
    );
    t.equal(parts(), left, kind);
    t.match(sandbox.actions.vodCalls(), [{ result: kind, effect: left === 0 }]);
    t.same(sandbox.actions.vodState().calls, { DeleteMultipartUpload: { [kind]: 1 } });
  }
  t.same(seen, {
    'html-502': [502, 'text/html', '<html>'],
    'empty-503': [503, '', ''],
    reset: 'ECONNRESET',
    'reset-after-effect': 'ECONNRESET',
    'truncated-body': 'ECONNRESET',
  });
});

t.test('an answer may come late, or never', async (t) => {
  const slow = await open(t, [{ kind: 'slow', delayMs: 5000 }]);
  const answer = slow.deleteParts('m1');
  await until(() => slow.parts() === 0, { what: 'the effect is there', everyMs: 1 });
  let isAnswered = false;
  const answered = answer.then(({ status }) => {
    isAnswered = true;
    return status;
  });
  slow.clock.advance(4999);
  t.equal((await slow.v3('GetVideoInfo', { VideoId: 'm1' }, { accessKeyId: 'other' })).status, 404);
  t.equal(isAnswered, false, 'not before its time');
  slow.clock.advance(1);
  t.equal(await answered, 200);
  t.match(slow.sandbox.actions.vodCalls(), [{ result: 'ok', effect: true }]);
  const hang = await open(t, [{ service: 'vod', kind: 'hang' }]);
  const leaving = new AbortController();
  const spec = hang.spec('DeleteMultipartUpload', { MediaId: 'm1', MediaType: 'video' });
  const silence = hang.send(signV3(spec), '', leaving.signal);
  await until(() => hang.sandbox.actions.vodCalls().length, { what: 'the call hangs', everyMs: 1 });
  leaving.abort();
  await t.rejects(silence, { name: 'AbortError' });
  t.equal(hang.parts(), 2);
});

t.test('any error can stand in place of an operation, with the status VOD has for it', async (t) => {
  const rows: [string, number][] = [
    ['Forbidden.RAM', 403],
    ['OperationDenied.Suspended', 403],
    ['AccessDenied', 400],
    ['InvalidVideo.NotFound', 400],
    ['InternalError', 500],
    ['ServiceUnAvailable', 503],
    ['Throttling.User', 400],
    ['Made.Up', 400],
  ];
  const { deleteParts, parts, sandbox, v3, clock } = await open(t);
  for (const [code, status] of rows) {
    sandbox.actions.setFaults([{ kind: 'vod-error', code }]);
    refusedByVod(t, await deleteParts('m1'), status, code);
  }
  t.equal(parts(), 2);
  t.equal(sandbox.actions.vodState().refused.DeleteMultipartUpload, 0, 'only the quota refuses');
  clock.advance(1000);
  sandbox.actions.setFaults([{ kind: 'vod-error', code: 'InternalError', status: 418 }]);
  refusedByVod(t, await deleteParts('m1'), 418, 'InternalError');
  sandbox.actions.setFaults([{ kind: 'vod-error', code: 'InvalidVideo.NotFound' }]);
  refusedByVod(t, await v3('GetVideoInfo', { VideoId: 'm1' }), 404, 'InvalidVideo.NotFound');
});

t.test(
  'a rule strikes only its operation and media, as often as it says, and only right calls',
  async (t) => {
    const { deleteParts, v3, sandbox } = await open(t, [
      { kind: 'vod-error', code: 'InternalError', operation: 'DeleteMultipartUpload', media: 'm1', count: 2 },
      { kind: 'vod-error', code: 'Forbidden', operation: 'DeleteVideo', media: 'm3' },
    ]);
    sandbox.actions.seedMedia([{ mediaId: 'm2', parts: 1 }]);
    t.equal((await deleteParts('m2')).status, 200);
    t.equal((await v3('GetVideoInfo', { VideoId: 'm1' })).status, 200);
    const call = { MediaId: 'm1', MediaType: 'video' };
    const unsigned = await v3('DeleteMultipartUpload', call, { accessKeySecret: 'other' });
    refusedByVod(t, unsigned, 400, 'SignatureDoesNotMatch');
    sandbox.actions.setVodQuotas({ DeleteMultipartUpload: 1 });
    refusedByVod(t, await deleteParts('m1'), 400, 'Throttling.User');
    sandbox.actions.setVodQuotas({ DeleteMultipartUpload: 10 });
    refusedByVod(t, await deleteParts('m1'), 500, 'InternalError');
    refusedByVod(t, await deleteParts('m1'), 500, 'InternalError');
    t.equal((await deleteParts('m1')).status, 200);
    t.equal((await v3('DeleteVideo', { VideoIds: 'm1' })).status, 200);
    refusedByVod(t, await v3('DeleteVideo', { VideoIds: 'm1,m3' }), 403, 'Forbidden');
    t.same(
      sandbox.actions.state().faults.map(({ struck }) => struck),
      [2, 1],
    );
  },
);

t.test('faults of one service leave the other alone', async (t) => {
  const vod = await open(t, [{ kind: 'html-502' }, { kind: 'empty-503', service: 'mns' }, { kind: '500' }]);
  t.equal((await vod.deleteParts('m1')).status, 200);
  const mns = await openSandbox(t);
  mns.feed('a');
  mns.sandbox.actions.setFaults([
    { kind: 'html-502', service: 'vod' },
    { kind: 'reset', service: 'vod' },
    { kind: 'vod-error', code: 'InternalError' },
    { kind: 'slow', delayMs: 1 },
  ]);
  t.equal((await mns.receive('?numOfMessages=16')).status, 200);
  const rows: [unknown, string][] = [
    [{ kind: '429', service: 'vod' }, 'The service vod has no fault kind 429'],
    [{ kind: 'slow', service: 'mns' }, 'The service mns has no fault kind slow'],
    [{ kind: 'flood', service: 'vod' }, 'There is no fault kind flood'],
    [{ kind: 'reset', service: 'oss' }, 'There is no service oss'],
    [{ kind: 'reset', operation: 'GetVideoInfo' }, 'The service mns has no operation GetVideoInfo'],
    [{ kind: 'slow', delayMs: 1, operation: 'Send' }, 'The service vod has no operation Send'],
  ];
  for (const [rule, message] of rows) {
    t.throws(
      () => {
        mns.sandbox.actions.setFaults([rule as FaultRule]);
      },
      { message },
    );
  }
});

t.test('the same seed throws the same dice for calls of VOD', async (t) => {
  const results = async (seed: number): Promise<string[]> => {
    const { sandbox, deleteParts, clock } = await openSandboxVod(t, { seed });
    sandbox.actions.setFaults([{ kind: 'vod-error', code: 'InternalError', probability: 0.5 }]);
    for (let call = 0; call < 24; call += 1) {
      await deleteParts('m1');
      clock.advance(100);
    }
    return sandbox.actions.vodCalls().map(({ result }) => result);
  };
  const first = await results(11);
  t.same(await results(11), first);
  t.notSame(await results(12), first);
  t.same([...new Set(first)].sort(), ['InternalError', 'InvalidVideo.NotFound']);
});
