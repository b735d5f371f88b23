import { getEventListeners } from 'node:events';
import t from 'tap';
import {
  providersOf,
  CredentialsCache,
  type Credentials,
  type CredentialsProvider,
  type CredentialsSource,
} from '../../../src/aliyun/credentials.js';
import { manualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

type Given = Awaited<ReturnType<CredentialsProvider['getCredential']>>;

interface Question {
  provider: number;
  answer: (given: Given) => void;
  fail: (error: Error) => void;
}

/** A cache whose provider answers when the test lets it. */
function open() {
  const clock = manualClock(0);
  const questions: Question[] = [];
  let providers = 0;
  const fallbacks: unknown[] = [];
  const onFallback = (error: unknown): number => fallbacks.push(error);
  const cache = new CredentialsCache(
    () => {
      const provider = ++providers;
      return {
        getCredential: () =>
          new Promise((answer, fail) => {
            questions.push({ provider, answer, fail });
          }),
      };
    },
    clock,
    onFallback,
  );
  const ask = (n: number): Question => {
    const question = questions[n];
    if (question === undefined) throw new Error(`question ${n} was not asked`);
    return question;
  };
  return { cache, clock, questions, ask, fallbacks };
}

const key = (n: number): Given => ({
  accessKeyId: `id-${n}`,
  accessKeySecret: `secret-${n}`,
  securityToken: `t-${n}`,
});

t.test('fifty requests at once are one question', async (t) => {
  const { cache, questions, ask } = open();
  const gets = Array.from({ length: 50 }, () => cache.get());
  ask(0).answer(key(1));
  const sets = await Promise.all(gets);
  t.same(new Set(sets).size, 1, 'all get the same set');
  t.same(sets[0], key(1));
  t.equal(questions.length, 1);
});

t.test('a set is used for a minute, then the same provider is asked again', async (t) => {
  const { cache, clock, questions, ask } = open();
  const first = cache.get();
  ask(0).answer(key(1));
  await first;
  clock.advance(59_999);
  t.same(await cache.get(), key(1));
  t.equal(questions.length, 1);
  clock.advance(1);
  const second = cache.get();
  ask(1).answer(key(2));
  t.same(await second, key(2));
  t.equal(ask(1).provider, 1);
});

t.test('a source that does not answer has a deadline, and the next call asks a new provider', async (t) => {
  const { cache, clock, questions, ask } = open();
  const late = t.rejects(Promise.all([cache.get(), cache.get()]), /no answer within 10000 ms/);
  clock.advance(9_999);
  t.equal(questions.length, 1);
  clock.advance(1);
  await late;
  const next = cache.get();
  t.equal(ask(1).provider, 2);
  ask(0).answer(key(1));
  ask(1).answer(key(2));
  t.same(await next, key(2), 'an answer after the deadline counts for nothing');
});

t.test('a failure is told to all who wait and not remembered', async (t) => {
  const { cache, ask } = open();
  const failed = t.rejects(Promise.all([cache.get(), cache.get()]), { message: 'metadata unreachable' });
  ask(0).fail(new Error('metadata unreachable'));
  await failed;
  const next = cache.get();
  t.equal(ask(1).provider, 2, 'the provider that failed is thrown away');
  ask(1).answer(key(1));
  t.same(await next, key(1));
});

t.test('while the source gives none, the last set is used until it is refused', async (t) => {
  const { cache, clock, questions, ask, fallbacks } = open();
  const first = cache.get();
  ask(0).answer(key(1));
  const set = await first;
  clock.advance(60_000);
  const second = cache.get();
  ask(1).fail(new Error('STS is down'));
  t.equal(await second, set);
  clock.advance(9_999);
  t.equal(await cache.get(), set);
  t.equal(questions.length, 2, 'the source has a rest of ten seconds');
  clock.advance(1);
  t.equal(await cache.get(), set, 'nobody waits for its next answer');
  t.equal(ask(2).provider, 2);
  ask(2).fail(new Error('STS is down'));
  await until(() => fallbacks.length === 2, { what: 'it is told of both' });
  t.match(fallbacks, [{ message: 'STS is down' }, { message: 'STS is down' }]);
  cache.refuse(set);
  const failed = t.rejects(cache.get(), { message: 'STS is down' });
  ask(3).fail(new Error('STS is down'));
  await failed;
  const healed = cache.get();
  ask(4).answer(key(2));
  t.same(await healed, key(2));
  t.equal(fallbacks.at(-1), undefined, 'and of the end');
});

t.test('a provider that cannot be made is a failure like any other', async (t) => {
  let isBroken = true;
  const cache = new CredentialsCache(() => {
    if (isBroken) throw new Error('no token file');
    return { getCredential: async () => key(1) };
  }, manualClock(0));
  await t.rejects(cache.get(), { message: 'no token file' });
  isBroken = false;
  t.same(await cache.get(), key(1));
});

t.test('half a key is no key', async (t) => {
  for (const given of [
    {},
    { accessKeyId: 'id' },
    { accessKeyId: '', accessKeySecret: 'secret' },
  ] as Given[]) {
    const { cache, ask } = open();
    const got = t.rejects(cache.get(), /empty access key/);
    ask(0).answer(given);
    await got;
  }
  const { cache, ask } = open();
  const got = cache.get();
  ask(0).answer({ accessKeyId: 'id', accessKeySecret: 'secret', securityToken: '' });
  t.equal((await got).securityToken, undefined, 'an empty token is none');
});

t.test('a refused set is replaced by one of a new provider, and refused only once', async (t) => {
  const { cache, questions, ask } = open();
  const first = cache.get();
  ask(0).answer(key(1));
  const refused = await first;
  cache.refuse(refused);
  const second = cache.get();
  t.equal(ask(1).provider, 2);
  ask(1).answer(key(2));
  const fresh = await second;
  cache.refuse(refused);
  t.equal(await cache.get(), fresh, 'a late refusal of the old set does not touch the new one');
  t.equal(questions.length, 2);
});

t.test('an abort ends the wait of its caller alone, with its reason, and leaves no listener', async (t) => {
  const { cache, ask } = open();
  const leaving = new AbortController();
  const staying = new AbortController();
  const left = t.rejects(cache.get(leaving.signal), { message: 'leaving' });
  const stayed = cache.get(staying.signal);
  leaving.abort(new Error('leaving'));
  await left;
  await t.rejects(cache.get(leaving.signal), { message: 'leaving' }, 'nor does it begin');
  ask(0).answer(key(1));
  t.same(await stayed, key(1));
  await cache.get();
  t.equal(getEventListeners(staying.signal, 'abort').length, 0);
  t.equal(getEventListeners(leaving.signal, 'abort').length, 0);
});

t.test('each type of credentials becomes the provider of that type, with its fields', async (t) => {
  interface Inside {
    credential: { type: string; provider: Record<string, unknown> };
  }
  const inside = (source: CredentialsSource) => (providersOf(source)() as unknown as Inside).credential;

  const accessKey = { accessKeyId: 'id', accessKeySecret: 'secret' };
  t.match(await providersOf({ type: 'access_key', ...accessKey })().getCredential(), accessKey);
  const sts: Credentials = { ...accessKey, securityToken: 'token' };
  t.match(await providersOf({ type: 'sts', ...accessKey, securityToken: 'token' })().getCredential(), {
    ...sts,
  });

  const role = {
    roleArn: 'acs:ram::1:role/a',
    oidcProviderArn: 'acs:ram::1:oidc-provider/b',
    roleSessionName: 's',
  };
  const oidc = { type: 'oidc_role_arn', oidcTokenFile: '/run/token', ...role } as const;
  t.match(inside({ ...oidc, stsEndpoint: 'sts-vpc.cn-shanghai.aliyuncs.com' }), {
    type: 'oidc_role_arn',
    provider: { ...role, oidcTokenFilePath: '/run/token', stsEndpoint: 'sts-vpc.cn-shanghai.aliyuncs.com' },
  });
  t.match(inside(oidc).provider, { ...role, oidcTokenFilePath: '/run/token' });
  t.match(inside({ type: 'ecs_ram_role', roleName: 'r' }), {
    type: 'ecs_ram_role',
    provider: { roleName: 'r' },
  });
  t.equal(inside({ type: 'ecs_ram_role' }).type, 'ecs_ram_role');
});
