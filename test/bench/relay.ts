import { measureFairness } from './fairness.js';
import { print, table } from './print.js';
import { measureThroughput } from './throughput.js';
import type { Latencies } from './trickle.js';

/** `npm run bench -- relay`: about a minute. */
export async function benchRelay(): Promise<void> {
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
}

function columns({ medianMs, p95Ms, samples }: Latencies): string[] {
  return [medianMs.toFixed(1), p95Ms.toFixed(1), String(samples)];
}
