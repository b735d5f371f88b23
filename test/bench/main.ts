/**
 * `npm run bench`: measures and prints, never judges. The sandbox runs in this process, the worker and nats-server in
 * their own, so that on two cores they share the CPU: compare runs of one machine with each other only.
 */
import { availableParallelism, cpus } from 'node:os';
import { measureFairness, type Latencies } from './fairness.js';
import { measureThroughput } from './throughput.js';

const model = cpus()[0]?.model ?? 'unknown CPU';
print(`Node ${process.version}, ${availableParallelism()} cores, ${model}`);

print('\nThroughput of one worker, one queue');
const throughput: string[][] = [];
for (const messages of [5_000, 20_000, 50_000]) {
  const { perSecond, cpuMicrosPerMessage } = await measureThroughput(messages);
  throughput.push([String(messages), perSecond.toFixed(0), cpuMicrosPerMessage.toFixed(0)]);
}
print(table(['messages', 'messages/s', 'worker CPU µs/message'], throughput));

const fairness = await measureFairness({ flood: 10_000, samples: 100, everyMs: 50 });
print(
  `\nFairness: from send to PubAck in a queue with a trickle, ${fairness.flood} messages waiting in another`,
);
print(
  table(
    ['trickle', 'median ms', 'p95 ms', 'samples'],
    [
      ['alone', ...columns(fairness.alone)],
      ['beside the flood', ...columns(fairness.besideFlood)],
    ],
  ),
);
const delayMs = fairness.besideFlood.medianMs - fairness.alone.medianMs;
print(`The flood delays the trickle by ${delayMs.toFixed(1)} ms at the median.`);

function columns({ medianMs, p95Ms, samples }: Latencies): string[] {
  return [medianMs.toFixed(1), p95Ms.toFixed(1), String(samples)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
    .join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
