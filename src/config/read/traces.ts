import type { Environment } from './environment.js';

export interface TracesSource {
  /** Whether spans are sent to a collector: only when a variable of OpenTelemetry asks for it. */
  readonly exporter: 'otlp' | 'none';
  /** The variable that asks for it; empty when none does. */
  readonly source: string;
  readonly problems: readonly string[];
}

const samplers = ['always_on', 'always_off', 'traceidratio'].flatMap((name) => [name, `parentbased_${name}`]);

/**
 * The settings of traces in the `OTEL_*` variables. The OpenTelemetry SDK reads them itself, and takes a
 * wrong value for none; here one that would change where spans go, or how many, is a problem that names its
 * variable. Source: OpenTelemetry, "Environment Variable Specification" and "OTLP Exporter Configuration".
 */
export function readTraces(env: Environment): TracesSource {
  const exporter = valueOf(env, 'OTEL_TRACES_EXPORTER');
  const endpoint = valueOf(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT');
  if (valueOf(env, 'OTEL_SDK_DISABLED').value.toLowerCase() === 'true' || exporter.value === 'none')
    return off;
  if (exporter.value === '' && endpoint.value === '') return off;

  const problems: string[] = [];
  const check = ({ name, value }: Variable, isRight: boolean, expected: string): void => {
    if (value !== '' && !isRight)
      problems.push(`${name}: must be ${expected}: value was ${JSON.stringify(value)}`);
  };
  const protocol = valueOf(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const sampler = valueOf(env, 'OTEL_TRACES_SAMPLER');
  const ratio = valueOf(env, 'OTEL_TRACES_SAMPLER_ARG');
  check(exporter, exporter.value === 'otlp', 'otlp or none');
  check(protocol, protocol.value === 'http/protobuf', 'http/protobuf, which collectors take on port 4318');
  check(sampler, samplers.includes(sampler.value), `one of ${samplers.join(', ')}`);
  if (sampler.value.endsWith('traceidratio')) {
    check(ratio, Number(ratio.value) >= 0 && Number(ratio.value) <= 1, 'a number from 0 to 1');
  }
  for (const each of ['OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'].map((name) =>
    valueOf(env, name),
  ))
    check(each, /^[1-9][0-9]*$/.test(each.value), 'a whole number from 1');
  // Not quoted: an address may have a password in it.
  if (endpoint.value !== '' && !isHttp(endpoint.value)) {
    problems.push(`${endpoint.name}: must be an address such as http://collector:4318`);
  }
  return { exporter: 'otlp', source: endpoint.name || exporter.name, problems };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

const off: TracesSource = { exporter: 'none', source: '', problems: [] };

/** The first of these that is set. */
function valueOf(env: Environment, ...names: readonly string[]): Variable {
  const name = names.find((each) => (env[each] ?? '').trim() !== '') ?? '';
  return { name, value: (env[name] ?? '').trim() };
}

function isHttp(address: string): boolean {
  const protocol = URL.canParse(address) ? new URL(address).protocol : '';
  return protocol === 'http:' || protocol === 'https:';
}
