import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as openTelemetry,
  type Attributes,
  type HrTime,
  type Span,
} from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
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
import { traceContextOf, type TraceContext } from '../event/trace-context.js';
import { sleep, type Clock } from '../time.js';

/** What a span says besides its name, in the terms of OpenTelemetry's semantic conventions where it has one. */
export type SpanFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface StageOptions {
  /** `client` asks somebody, `producer` hands something on; default: neither. */
  kind?: 'client' | 'producer';
  facts?: SpanFacts;
}

/** The span of one message, from its receipt to its end. */
export interface MessageSpan {
  /**
   * Runs a stage under a span of its own. Whoever is handed its `trace` becomes part of the trace, under this stage.
   * @throws what `run` throws; the span tells the code of it.
   */
  stage<T>(
    name: string,
    options: StageOptions,
    run: (trace: TraceContext, add: (facts: SpanFacts) => void) => Promise<T>,
  ): Promise<T>;
  /** A stage that began with the message and ends now; only the first call counts. */
  firstStage(name: string): void;
  /** Adds what is known only later. */
  add(facts: SpanFacts): void;
  /** Ends it; with `error`, as a failure. */
  end(error?: unknown): void;
}

/** Makes spans, and sends them to a collector in batches. */
export interface Tracing {
  /** Begins the span of a message that was taken from somewhere, in the trace that it came with or else in a new one. */
  begin(name: string, trace: TraceContext, facts: SpanFacts): MessageSpan;
  /** Sends what is left, within three seconds. */
  close(): Promise<void>;
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
const kinds = { client: SpanKind.CLIENT, producer: SpanKind.PRODUCER } as const;

/**
 * Tracing as the standard `OTEL_*` variables say: where spans go, how many, under what name. Spans that the collector
 * does not take are dropped, and hold no message up.
 */
export function createTracing({ version, clock, onRecorded, onExported }: TracingOptions): Tracing {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'vod-relay', 'service.version': version }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
  const batches = new BatchSpanProcessor(watched(new OTLPTraceExporter(), onExported));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [telling(onRecorded), batches] });
  const tracer = provider.getTracer('vod-relay', version);
  const propagator = new W3CTraceContextPropagator();

  return {
    begin(name, trace, facts) {
      const at = stopWatch(clock);
      const startTime = at();
      const parent = propagator.extract(ROOT_CONTEXT, trace, defaultTextMapGetter);
      const options = { kind: SpanKind.CONSUMER, startTime, attributes: facts as Attributes };
      const message = tracer.startSpan(name, options, parent);
      const inMessage = openTelemetry.setSpan(parent, message);
      let isBeyondFirst = false;
      return {
        async stage(stageName, { kind, facts: stageFacts }, run) {
          const span = tracer.startSpan(
            stageName,
            {
              startTime: at(),
              ...(kind && { kind: kinds[kind] }),
              ...(stageFacts && { attributes: stageFacts }),
            },
            inMessage,
          );
          const carrier: Record<string, string> = {};
          propagator.inject(openTelemetry.setSpan(inMessage, span), carrier, defaultTextMapSetter);
          try {
            return await run(traceContextOf(carrier), (more) => span.setAttributes(more));
          } catch (error) {
            fail(span, error);
            throw error;
          } finally {
            span.end(at());
          }
        },
        firstStage(stageName) {
          if (isBeyondFirst) return;
          isBeyondFirst = true;
          tracer.startSpan(stageName, { startTime }, inMessage).end(at());
        },
        add(more) {
          message.setAttributes(more);
        },
        end(error) {
          if (error !== undefined) fail(message, error);
          message.end(at());
        },
      };
    },
    async close() {
      await Promise.race([provider.shutdown().catch(() => undefined), sleep(clock, closeWithinMs)]);
    },
  };
}

/**
 * One clock for all spans of a message. Left to itself the SDK takes whole milliseconds, and another offset for each
 * span: stages would begin before their message, and last no time at all.
 */
function stopWatch(clock: Clock): () => HrTime {
  const offsetMs = clock.now() - clock.monotonicMs();
  return () => {
    const nowMs = offsetMs + clock.monotonicMs();
    return [Math.floor(nowMs / 1_000), Math.floor((nowMs % 1_000) * 1e6)];
  };
}

/** The code only: the text of an error that nobody foresaw may hold anything. */
function fail(span: Span, error: unknown): void {
  const { code, name } = error as { code?: unknown; name?: unknown };
  const type = typeof code === 'string' ? code : String(name);
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
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
