import type { Clock } from '../time.js';

/**
 * `fail`: it does not work so. `warn`: it works, until something happens. `info`: only a person can judge it.
 */
export type Status = 'pass' | 'warn' | 'fail' | 'info';

export interface Finding {
  status: Status;
  what: string;
  /** The command or the setting that mends it. */
  remedy?: string;
  /** The object of the check, where it looks at several. */
  id?: string;
}

/** One look at the set-up, which changes nothing. */
export interface Check {
  /** Whose it is: `queue vod-events`, `NATS`. */
  area: string;
  id: string;
  /** Not run unless none of these failed. */
  needs?: readonly Check[];
  /** The signal is aborted when the time is over. */
  run(signal: AbortSignal): Promise<Finding | readonly Finding[]>;
}

/** A finding, and whose it is. */
export interface Result extends Finding {
  area: string;
  id: string;
  /** True when the check was not run. */
  isSkipped?: true;
}

/** How long one check may take. */
const withinMs = 10_000;

/**
 * Runs checks side by side, each after those that it needs, and gives what they found in the order of the
 * checks. Never rejects: a check that does, or that takes more than 10 s, has failed.
 */
export async function runChecks(checks: readonly Check[], clock: Clock): Promise<Result[]> {
  const begun = new Map<Check, Promise<Result[]>>();
  const resultsOf = (check: Check): Promise<Result[]> => {
    const known = begun.get(check);
    if (known) return known;
    const results = runAfterNeeds(check);
    begun.set(check, results);
    return results;
  };
  const runAfterNeeds = async (check: Check): Promise<Result[]> => {
    const { area, id, needs = [] } = check;
    for (const need of needs) {
      const bar = (await resultsOf(need)).find(({ status, isSkipped }) => status === 'fail' || isSkipped);
      if (!bar) continue;
      const what = bar.isSkipped ? bar.what : `not checked, since ${need.area}: ${need.id} failed`;
      return [{ area, id, status: 'info', what, isSkipped: true }];
    }
    const findings = await runInTime(check, clock);
    return findings.map((finding) => ({ ...finding, area, id: finding.id ?? id }));
  };
  return (await Promise.all(checks.map(resultsOf))).flat();
}

async function runInTime(check: Check, clock: Clock): Promise<readonly Finding[]> {
  const ending = new AbortController();
  let cancel = (): void => undefined;
  const late = new Promise<Finding>((resolve) => {
    cancel = clock.after(withinMs, () => {
      resolve({
        status: 'fail',
        what: `no answer within ${withinMs / 1000} s`,
        remedy: 'check DNS, routes and firewalls (NetworkPolicy) between here and it',
      });
      ending.abort(new Error('the check took too long'));
    });
  });
  try {
    return [await Promise.race([check.run(ending.signal), late])].flat();
  } catch (error) {
    const what = `the check itself failed: ${(error as Error).message}`;
    return [
      { status: 'fail', what, remedy: 'run `vod-relay doctor` again; if it lasts, report it with this line' },
    ];
  } finally {
    cancel();
  }
}
