import { measureFleet, measureQuotaCut, type FleetRun } from './fleet.js';
import { print, table } from './print.js';
import { measureThroughput } from './throughput.js';

/** `npm run bench -- follow-up`: about ten minutes. */
export async function benchFollowUp(): Promise<void> {
  print('\nThree follow-up workers, 600 orphans, quota 10 a second (ideal: 60 s)');
  const calm = await measureFleet({ orphans: 600 });
  const killed = await measureFleet({
    orphans: 600,
    killEveryMs: 3_000,
    faults: [
      { service: 'vod', kind: 'reset-after-effect', operation: 'DeleteMultipartUpload', probability: 0.05 },
    ],
  });
  print(
    table(
      ['run', 'seconds', 'calls', 'refused %', 'repeated', 'most in 1 s', 'kills', 'parts left', 'outcomes'],
      [fleetRow('calm', calm), fleetRow('killed, 5 % lost answers', killed)],
    ),
  );

  print('\nThe quota is cut from 10 to 4 a second, and restored');
  const windows = await measureQuotaCut([
    { quota: 10, seconds: 20 },
    { quota: 4, seconds: 120 },
    { quota: 10, seconds: 120 },
  ]);
  const rows = windows.map(({ fromSeconds, quota, calls, refusedPercent }) => [
    fromSeconds.toFixed(0),
    String(quota),
    String(calls),
    refusedPercent.toFixed(1),
  ]);
  print(table(['from second', 'quota', 'calls in 10 s', 'refused %'], rows));

  print(
    '\nThroughput of the relay, 20,000 messages that each leave an orphan, beside a follow-up worker that is',
  );
  const beside = [
    ['not there', (await measureThroughput(20_000)).perSecond],
    ['at work', (await measureThroughput(20_000, { vodFaults: [] })).perSecond],
    ['slow', (await measureThroughput(20_000, { vodFaults: [{ kind: 'slow', delayMs: 2_000 }] })).perSecond],
    [
      'blocked',
      (await measureThroughput(20_000, { vodFaults: [{ service: 'vod', kind: 'hang' }] })).perSecond,
    ],
  ] as const;
  print(
    table(
      ['follow-up', 'messages/s'],
      beside.map(([name, perSecond]) => [name, perSecond.toFixed(0)]),
    ),
  );
}

function fleetRow(name: string, run: FleetRun): string[] {
  const { seconds, calls, refusedPercent, repeated, mostInASecond, kills, partsLeft, outcomes } = run;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${outcome} ${count}`);
  const figures = [calls, refusedPercent.toFixed(2), repeated, mostInASecond, kills, partsLeft];
  return [name, seconds.toFixed(1), ...figures.map(String), counts.join(', ')];
}
