import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { TraceContext } from '../event/trace-context.js';
import { settledWithin, type Clock } from '../time.js';
import { beginMessageSpan, type MessageSpan, type SpanFacts } from './message-span.js';

/** Makes spans, and sends them to a collector in batches. */
export interface Tracing {
  /**
   * Begins the span of a message that was taken from somewhere, in the trace that it came with or else in a
   * new one.
   */
  begin(name: string, trace: TraceContext, facts: SpanFacts): MessageSpan;
  /** Sends what is left, within three seconds, or until `cut` is aborted. */
  close(cut: AbortSignal): Promise<void>;
}

export interface TracingOptions {
  version: string;
  clock: Clock;
  /** Told of each span that is to be exported, when it ends. */
  onRecorded: () => void;
  /** Told of each batch of spans: how many, and why they are lost if they are. */
  onExported: (spans: number, error?: unknown) => void;
}

const closeWithinMs = 3_000;
const maxValueLength = 500;

/**
 * Tracing as the standard `OTEL_*` variables say: where spans go, how many, under what name. Spans that the
 * collector does not take are dropped, and hold no message up.
 */
export function createTracing({ version, clock, onRecorded, onExported }: TracingOptions): Tracing {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'vod-relay', 'service.version': version }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
  const batches = new BatchSpanProcessor(watched(new OTLPTraceExporter(), onExported));
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [telling(onRecorded), batches],
    // Ids come from messages, and may be as long as these.
    spanLimits: { attributeValueLengthLimit: maxValueLength },
  });
  const tracer = provider.getTracer('vod-relay', version);
  return {
    begin: (name, trace, facts) => beginMessageSpan(tracer, clock, name, trace, facts),
    async close(cut) {
      await settledWithin(clock, closeWithinMs, provider.shutdown(), cut);
    },
  };
}

function telling(onEnd: () => void): SpanProcessor {
  const nothing = (): Promise<void> => Promise.resolve();
  return { onStart: () => undefined, onEnd, forceFlush: nothing, shutdown: nothing };
}

function watched(exporter: SpanExporter, onExported: TracingOptions['onExported']): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) onExported(spans.length);
        else onExported(spans.length, result.error ?? new Error('unknown'));
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
