import { createHmac } from 'node:crypto';
import t from 'tap';
import { canonicalQuery, signRequest, uriEncode } from '../../../src/follow-up/vod-signature.js';

const published = {
  host: 'ecs.cn-shanghai.aliyuncs.com',
  action: 'RunInstances',
  version: '2014-05-26',
  parameters: { RegionId: 'cn-shanghai', ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd' },
  nowMs: Date.parse('2023-10-26T10:22:32Z'),
  nonce: '3156853299f313e23d1673dc12e1703d',
};
const key = { accessKeyId: 'YourAccessKeyId', accessKeySecret: 'YourAccessKeySecret' };

const signatureOf = (headers: Record<string, string>): string =>
  /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1] ?? 'none';

t.test('the published vector of ACS3-HMAC-SHA256 comes out', async (t) => {
  const { path, headers } = signRequest(published, key);
  t.equal(
    path,
    '/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai',
    'parameters stand in the order of their names',
  );
  t.same(headers, {
    host: 'ecs.cn-shanghai.aliyuncs.com',
    'x-acs-action': 'RunInstances',
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-date': '2023-10-26T10:22:32Z',
    'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    'x-acs-version': '2014-05-26',
    authorization:
      'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,' +
      'SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,' +
      'Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
  });
});

t.test("the query is canonical by VOD's own vector, which is one of HMAC-SHA1", async (t) => {
  const query = canonicalQuery({
    Action: 'GetVideoPlayAuth',
    VideoId: '5aed81b74ba84920be578cdfe004af4b',
    Format: 'JSON',
    Version: '2017-03-21',
    AccessKeyId: 'testAccessKeyId',
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: '8f8a035d-6496-4268-afd4-67c22837e38d',
    Timestamp: '2017-10-10T12:02:54Z',
  });
  const signature = createHmac('sha1', 'testAccessKeySecret&').update(`GET&%2F&${uriEncode(query)}`);
  t.equal(signature.digest('base64'), 'Ibgh7y8Vp47LBuAsf5Xhi1SvDss=');
});

t.test('names and values are encoded once, by RFC 3986', async (t) => {
  const rows: [text: string, encoded: string][] = [
    ['AZaz09-_.~', 'AZaz09-_.~'],
    ['a b', 'a%20b'],
    ["!'()*", '%21%27%28%29%2A'],
    ['+/=&?#%', '%2B%2F%3D%26%3F%23%25'],
    ['%20', '%2520'],
    ['媒体🎬', '%E5%AA%92%E4%BD%93%F0%9F%8E%AC'],
    ['\r\n\u0000', '%0D%0A%00'],
    ['\ud800', '%ED%A0%80'],
    ['', ''],
  ];
  for (const [text, encoded] of rows) {
    t.equal(canonicalQuery({ VideoId: text }), `VideoId=${encoded}`, JSON.stringify(text));
    t.equal(canonicalQuery({ [text]: 'v' }), `${encoded}=v`);
  }
  t.equal(canonicalQuery({ b: '1', A1: '2', A: '3', a: '4' }), 'A=3&A1=2&a=4&b=1', 'in the order of names');
});

t.test('an STS token goes along and is signed, with the access key id', async (t) => {
  const { headers } = signRequest(published, { ...key, securityToken: 'token' });
  t.equal(headers['x-acs-security-token'], 'token');
  t.equal(headers['x-acs-accesskey-id'], 'YourAccessKeyId');
  t.match(
    headers['authorization'],
    'SignedHeaders=host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;' +
      'x-acs-signature-nonce;x-acs-version,',
  );
  const other = signRequest(published, { ...key, securityToken: 'other' }).headers;
  t.not(signatureOf(other), signatureOf(headers));
  const without = signRequest(published, { ...key, securityToken: undefined }).headers;
  t.same(
    Object.keys(without).filter((name) => /token|accesskey/.test(name)),
    [],
  );
});

t.test('whatever is signed changes the signature', async (t) => {
  const changes = [
    { host: 'vod.cn-shanghai.aliyuncs.com' },
    { action: 'DeleteMultipartUpload' },
    { version: '2017-03-21' },
    { parameters: { RegionId: 'cn-beijing' } },
    { nowMs: published.nowMs + 1_000 },
    { nonce: 'another' },
  ];
  const signatures = [{}, ...changes].map((change) =>
    signatureOf(signRequest({ ...published, ...change }, key).headers),
  );
  const wrongSecret = signRequest(published, { ...key, accessKeySecret: 'other' }).headers;
  t.equal(new Set([...signatures, signatureOf(wrongSecret)]).size, changes.length + 2);
  t.notOk(signatures.includes('none'));
});
