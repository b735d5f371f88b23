import { Presets, SingleBar } from 'cli-progress';
import type { FaultRule } from '../sandbox/faults/fault.js';
import type { DemoLedger } from './ledger.js';
import type { SeenEvent } from './streams.js';

/** The figures of a run, as `--json` prints them. */
export interface DemoResult {
  balanced: boolean;
  ledger: DemoLedger;
  messagesPerSecond: number;
  workerCpuMicrosPerMessage: number;
  seed: number;
}

/** The reports of the demo while it runs. */
export interface Report {
  started(run: {
    messages: number;
    faults: readonly FaultRule[];
    seed: number;
    natsUrl: string;
    folder: string;
  }): void;
  progress(settled: number, sent: number): void;
  finished(result: DemoResult, tail: readonly SeenEvent[], logFile: string): void;
}

/**
 * One line of JSON at the end, for machines; or a running account for people, with a bar where there is a
 * terminal.
 */
export function createReport(json: boolean): Report {
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const nothing = (): void => undefined;
  if (json) {
    return {
      started: nothing,
      progress: nothing,
      finished: (result) => {
        print(JSON.stringify(result));
      },
    };
  }
  const bar = new SingleBar(
    { format: '{bar} {value}/{total} messages settled', noTTYOutput: true, notTTYSchedule: 1000 },
    Presets.shades_classic,
  );
  return {
    started: ({ messages, faults, seed, natsUrl, folder }) => {
      print(`${messages} messages through one queue of the sandbox to ${natsUrl}; files in ${folder}`);
      print(`faults on, seed ${seed}: ${faults.map(({ kind }) => kind).join(', ')}\n`);
      bar.start(messages, 0);
    },
    progress: (settled) => {
      bar.update(settled);
    },
    finished: (result, tail, logFile) => {
      bar.stop();
      print('\nThe first events, as a subscriber sees them:\n');
      for (const { subject, text } of tail) print(`${subject}\n  ${text}\n`);
      print(ledgerText(result, logFile));
    },
  };
}

/** The lines of the ledger, by figure. */
export const ledgerRows: readonly (readonly [keyof DemoLedger, string])[] = [
  ['sent', 'sent'],
  ['unique', 'unique'],
  ['inTheStream', 'in the stream'],
  ['duplicatesSuppressed', 'duplicates suppressed'],
  ['forwarded', 'forwarded (other event types)'],
  ['deadLettered', 'dead-lettered'],
  ['lost', 'lost'],
  ['sentTwice', 'sent twice'],
  ['unexpected', 'unexpected'],
  ['leftInTheQueue', 'left in the queue'],
  ['orphanedBefore', 'orphaned uploads before'],
  ['orphanedAfter', 'orphaned uploads after'],
  ['planned', 'follow-ups planned'],
  ['called', 'calls to VOD'],
  ['postponed', 'postponed'],
  ['blocked', 'blocked (VOD refuses them)'],
  ['liveUploadsAborted', 'live uploads aborted'],
  ['callsRefused', 'calls refused by quota'],
  ['withoutOneOutcome', 'without exactly one outcome'],
];

/** The account at the end of a run. */
export function ledgerText(result: DemoResult, logFile: string): string {
  const { ledger, balanced, messagesPerSecond, workerCpuMicrosPerMessage } = result;
  const line = (name: string, value: number): string => `  ${name.padEnd(32)}${String(value).padStart(10)}`;
  return [
    'Ledger',
    ...ledgerRows.map(([key, name]) => line(name, ledger[key])),
    '',
    line('messages a second', messagesPerSecond),
    line('worker CPU µs per message', workerCpuMicrosPerMessage),
    '',
    balanced ? 'The ledger balances.' : `THE LEDGER DOES NOT BALANCE. The log of the worker: ${logFile}`,
  ].join('\n');
}
