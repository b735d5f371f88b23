import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as openTelemetry,
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { traceContextOf, type TraceContext } from '../event/trace-context.js';
import type { Clock } from '../time.js';

/** The attributes of a span, in the terms of OpenTelemetry's semantic conventions where it has one. */
export type SpanFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface StageOptions {
  /** `client` asks somebody, `producer` hands something on; default: neither. */
  kind?: 'client' | 'producer';
  facts?: SpanFacts;
}

/** The span of one message, from its receipt to its end. */
export interface MessageSpan {
  /**
   * Runs a stage under a span of its own. Whoever is handed its `trace` becomes part of the trace, under this
   * stage.
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

const propagator = new W3CTraceContextPropagator();
const kinds = { client: SpanKind.CLIENT, producer: SpanKind.PRODUCER } as const;

/**
 * Begins the span of a message that was taken from somewhere, in the trace that it came with or else in a new
 * one.
 */
export function beginMessageSpan(
  tracer: Tracer,
  clock: Clock,
  name: string,
  trace: TraceContext,
  facts: SpanFacts,
): MessageSpan {
  const at = stopWatch(clock);
  const parent = propagator.extract(ROOT_CONTEXT, trace, defaultTextMapGetter);
  const startTime = at();
  const options = { kind: SpanKind.CONSUMER, startTime, attributes: facts as Attributes };
  const message = tracer.startSpan(name, options, parent);
  const inMessage = openTelemetry.setSpan(parent, message);
  if (!message.isRecording()) return unrecorded(contextOf(inMessage));
  let isBeyondFirst = false;
  return {
    async stage(name, { kind, facts = {} }, run) {
      const options = {
        startTime: at(),
        attributes: facts as Attributes,
        ...(kind && { kind: kinds[kind] }),
      };
      const span = tracer.startSpan(name, options, inMessage);
      try {
        return await run(contextOf(openTelemetry.setSpan(inMessage, span)), (more) =>
          span.setAttributes(more),
        );
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        span.end(at());
      }
    },
    firstStage(name) {
      if (isBeyondFirst) return;
      isBeyondFirst = true;
      tracer.startSpan(name, { startTime }, inMessage).end(at());
    },
    add(facts) {
      message.setAttributes(facts);
    },
    end(error) {
      if (error !== undefined) fail(message, error);
      message.end(at());
    },
  };
}

/** Of a message that is not sampled only its trace goes on: no stage of it would be sampled either. */
function unrecorded(trace: TraceContext): MessageSpan {
  const nothing = (): void => undefined;
  return {
    stage: (_name, _options, run) => run(trace, nothing),
    firstStage: nothing,
    add: nothing,
    end: nothing,
  };
}

function contextOf(context: Context): TraceContext {
  const carrier: Record<string, string> = {};
  propagator.inject(context, carrier, defaultTextMapSetter);
  return traceContextOf(carrier);
}

/**
 * One clock for all spans of a message. Left to itself the SDK takes whole milliseconds, and another offset
 * for each span: stages would begin before their message, and last no time at all.
 */
function stopWatch(clock: Clock): () => HrTime {
  const offsetMs = clock.now() - clock.monotonicMs();
  return () => {
    const nowMs = offsetMs + clock.monotonicMs();
    return [Math.floor(nowMs / 1_000), Math.floor((nowMs % 1_000) * 1e6)];
  };
}

/** The code only: the text of an error that nobody foresaw may hold anything. What ends a lease is a word. */
function fail(span: Span, error: unknown): void {
  const { code, name } = error instanceof Error ? (error as NodeJS.ErrnoException) : { name: 'unknown' };
  const type = typeof error === 'string' ? error : typeof code === 'string' ? code : name;
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}
