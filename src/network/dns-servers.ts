import { Resolver, type LookupAddress } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { Clock } from '../time.js';

/** The answer of the DNS servers about a name, without a thread of the process. */
export interface DnsAnswer {
  /** Empty: there is no such name. */
  addresses: readonly LookupAddress[];
  /** Both families were answered, so that the system's own look-up will not have to wait. */
  isWhole: boolean;
}

/** How long the second family is waited for once the first is here. */
const otherFamilyWithinMs = 300;
/** Not an answer: no server said anything. */
const silences = new Set(['ETIMEOUT', 'ECANCELLED', 'EDESTRUCTION']);

/**
 * Asks the servers of /etc/resolv.conf about a name, and about what its search list makes of it, in the order
 * in which the system asks.
 * @returns undefined when a server that has to be asked is silent.
 */
export async function askDnsServers(name: string, clock: Clock): Promise<DnsAnswer | undefined> {
  // Made for each name: the file may have changed.
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  for (const candidate of candidates(name, textOf('/etc/resolv.conf'))) {
    const answer = await askAbout(resolver, candidate, clock);
    if (answer === undefined || answer.addresses.length > 0) return answer;
  }
  return { addresses: [], isWhole: true };
}

/** Whether the hosts file of this machine has the name: the system asks no server then. */
export function isInHostsFile(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower === 'localhost' || lower.endsWith('.localhost')) return true;
  const lines = textOf('/etc/hosts').toLowerCase().split('\n');
  return lines.some((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1).includes(lower));
}

/** The names that the system makes of one: resolv.conf(5), `search` and `ndots`. */
export function candidates(name: string, resolvConf: string): string[] {
  if (name.endsWith('.')) return [name];
  const lines = resolvConf.split('\n').map((line) => line.trim().split(/\s+/));
  const search = lines.findLast(([key]) => key === 'search' || key === 'domain')?.slice(1) ?? [];
  const option = lines
    .filter(([key]) => key === 'options')
    .flat()
    .findLast((each) => each.startsWith('ndots:'));
  const ndots = Number(option?.slice('ndots:'.length) ?? 1);
  const searched = search.map((domain) => (domain === '.' ? name : `${name}.${domain}`));
  return name.split('.').length > ndots ? [name, ...searched] : [...searched, name];
}

async function askAbout(resolver: Resolver, name: string, clock: Clock): Promise<DnsAnswer | undefined> {
  const families = [resolved(resolver, name, 4), resolved(resolver, name, 6)];
  const first = await Promise.race(
    families.map((each) =>
      each.then((addresses) => addresses ?? Promise.all(families).then(() => undefined)),
    ),
  );
  if (first === undefined) return undefined;
  let cancel = (): void => undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(otherFamilyWithinMs, () => {
      resolve(undefined);
    });
  });
  // Nothing was found yet: the other family decides, however long it takes.
  const both = await Promise.all(
    families.map((each) => (first.length === 0 ? each : Promise.race([each, late]))),
  );
  cancel();
  const isWhole = !both.includes(undefined);
  const addresses = both.flatMap((each) => each ?? []);
  return isWhole || addresses.length > 0 ? { addresses, isWhole } : undefined;
}

/** @returns undefined when the servers are silent. */
function resolved(resolver: Resolver, name: string, family: 4 | 6): Promise<LookupAddress[] | undefined> {
  return new Promise((resolve) => {
    const done = (error: NodeJS.ErrnoException | null, addresses: string[]): void => {
      if (!error) resolve(addresses.map((address) => ({ address, family })));
      else resolve(silences.has(error.code ?? '') ? undefined : []);
    };
    if (family === 4) resolver.resolve4(name, done);
    else resolver.resolve6(name, done);
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
