import { startOtlpReceiver } from '../support/otlp-receiver.js';
import { measureFairness } from './fairness.js';
import { print, table } from './print.js';
import { measureThroughput } from './throughput.js';
import type { Latencies } from './trickle.js';

/** `npm run bench -- relay`: about two minutes. */
export async function benchRelay(): Promise<void> {
  print('\nThroughput of one worker, one queue');
  const throughput: string[][] = [];
  for (const messages of [5_000, 20_000, 50_000]) {
    const { perSecond, cpuMicrosPerMessage } = await measureThroughput(messages);
    throughput.push([String(messages), perSecond.toFixed(0), cpuMicrosPerMessage.toFixed(0)]);
  }
  print(table(['messages', 'messages/s', 'worker CPU µs/message'], throughput));

  print('\nThe same, with traces to a collector');
  await using receiver = await startOtlpReceiver();
  const tracing: string[][] = [];
  for (const ratio of ['0', '0.01', '1']) {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: ratio,
    };
    const before = receiver.spans.length;
    const { messages, perSecond, cpuMicrosPerMessage } = await measureThroughput(20_000, { env });
    const spans = receiver.spans.length - before;
    tracing.push([
      ratio,
      perSecond.toFixed(0),
      cpuMicrosPerMessage.toFixed(0),
      (spans / messages).toFixed(2),
    ]);
  }
  print(table(['sampled', 'messages/s', 'worker CPU µs/message', 'spans received/message'], tracing));

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
