import type { LookupAddress } from 'node:dns';
import t from 'tap';
import { candidates, type DnsAnswer } from '../../../src/network/dns-servers.js';
import { Resolver } from '../../../src/network/resolver.js';
import { manualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

const address = (last: number): LookupAddress => ({ address: `192.0.2.${last}`, family: 4 });

/**
 * A system with two threads for look-ups, as libuv has, which a silent name holds for 60 s, in front of
 * servers that answer some names.
 */
function open({ hosts = [] as string[] } = {}) {
  const clock = manualClock(0);
  const zone = new Map<string, LookupAddress[]>();
  const waiting: (() => void)[] = [];
  let free = 2;
  const lookUps: string[] = [];
  const settle = (name: string): Promise<LookupAddress[]> =>
    new Promise((resolve, reject) => {
      const addresses = zone.get(name);
      const end = (act: () => void): void => {
        free++;
        waiting.shift()?.();
        act();
      };
      const fail = (code: string) => () => {
        reject(Object.assign(new Error(code), { code }));
      };
      if (addresses === undefined)
        clock.after(60_000, () => {
          end(fail('EAI_AGAIN'));
        });
      else
        queueMicrotask(() => {
          end(
            addresses.length > 0
              ? () => {
                  resolve(addresses);
                }
              : fail('ENOTFOUND'),
          );
        });
    });
  const lookUp = async (name: string): Promise<LookupAddress[]> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    free--;
    lookUps.push(name);
    return await settle(name);
  };
  const ask = (name: string): Promise<DnsAnswer | undefined> => {
    const addresses = zone.get(name);
    return Promise.resolve(addresses && { addresses, isWhole: true });
  };
  const resolver = new Resolver({ lookUp, ask, isLocal: (name) => hosts.includes(name), clock });
  return { resolver, clock, zone, lookUps };
}

/** The result of a promise while the clock is moved on; its failure by its code. */
function outcome(promise: Promise<readonly LookupAddress[]>): { value: unknown } {
  const holder: { value: unknown } = { value: undefined };
  promise.then(
    (addresses) => {
      holder.value = addresses;
    },
    (error: unknown) => {
      holder.value = (error as NodeJS.ErrnoException).code;
    },
  );
  return holder;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

t.test('names that nobody answers hold up no other, however many ask first', async (t) => {
  const { resolver, clock, zone, lookUps } = open();
  const silent = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => outcome(resolver.resolve(`${name}.silent`)));
  zone.set('good', [address(1)]);
  t.same(await resolver.resolve('good'), [address(1)], 'at once');
  clock.advance(1_000);
  await settled();
  zone.set('better', [address(2)]);
  t.same(await resolver.resolve('better'), [address(2)], 'also when silent names have their thread');
  t.same(lookUps, ['good', 'a.silent', 'better'], 'one thread for all of them');
  clock.advance(3_000);
  await settled();
  t.same(
    silent.map(({ value }) => value),
    Array(6).fill('EAI_AGAIN'),
    'and each caller is told in time',
  );
});

t.test('silent names take turns, and one that is answered late is found', async (t) => {
  const { resolver, clock, zone, lookUps } = open();
  for (const name of ['a', 'b']) outcome(resolver.resolve(name));
  clock.advance(1_000);
  await settled();
  t.same(lookUps, ['a']);
  clock.advance(60_000);
  await settled();
  t.same(lookUps, ['a', 'b'], 'the next has the thread');
  zone.set('b', [address(3)]);
  t.same(await resolver.resolve('b'), [address(3)], 'without waiting for the thread that it holds');
});

t.test('fifty callers are one look-up, and ten seconds are one', async (t) => {
  const { resolver, clock, zone, lookUps } = open();
  zone.set('good', [address(1)]);
  await Promise.all(Array.from({ length: 50 }, () => resolver.resolve('good')));
  clock.advance(9_999);
  await resolver.resolve('good');
  t.same(lookUps, ['good']);
  zone.set('good', [address(2)]);
  clock.advance(1);
  t.same(await resolver.resolve('good'), [address(2)], 'a host that moved is found');
});

t.test(
  'addresses from before do while the servers are silent, not when they say that the name is gone',
  async (t) => {
    const { resolver, clock, zone } = open();
    zone.set('good', [address(1)]);
    await resolver.resolve('good');
    clock.advance(3_600_000);
    zone.delete('good');
    const stale = outcome(resolver.resolve('good'));
    clock.advance(1_000);
    await until(() => stale.value, { what: 'the old address is used' });
    t.same(stale.value, [address(1)]);
    zone.set('gone', [address(5)]);
    await resolver.resolve('gone');
    zone.set('gone', []);
    clock.advance(10_000);
    await t.rejects(resolver.resolve('gone'), { code: 'ENOTFOUND' });
  },
);

t.test('a name of the hosts file asks no server', async (t) => {
  const { resolver, clock, zone } = open({ hosts: ['local'] });
  for (const name of ['a', 'b', 'c']) outcome(resolver.resolve(name));
  clock.advance(1_000);
  zone.set('local', [address(4)]);
  t.same(await resolver.resolve('local'), [address(4)]);
});

t.test('the search list makes the names that the system makes', async (t) => {
  const pod = 'search vod.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:2\n';
  t.same(candidates('nats', pod), [
    'nats.vod.svc.cluster.local',
    'nats.svc.cluster.local',
    'nats.cluster.local',
    'nats',
  ]);
  t.same(candidates('a.b.c.d.e.f', pod)[0], 'a.b.c.d.e.f', 'with enough dots, itself first');
  t.same(candidates('nats.example.com.', pod), ['nats.example.com.']);
  t.same(candidates('nats', 'nameserver 192.0.2.1'), ['nats']);
});
