import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** A span as the receiver read it. Ids are hexadecimal; a root has no parent. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: string;
  startNs: bigint;
  endNs: bigint;
  attributes: Record<string, unknown>;
  isError: boolean;
  /** Of the resource that it came from. */
  resource: Record<string, unknown>;
}

/** A receiver of traces by OTLP/HTTP with protobuf, which refuses what the protocol forbids. */
export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** Everything received so far, in order. */
  readonly spans: readonly ReceivedSpan[];
  /** The headers of every request. */
  readonly requests: readonly NodeJS.Dict<string | string[]>[];
  /** Why a request was refused, for each that was. */
  readonly refused: readonly string[];
}

/** The messages of opentelemetry-proto 1.x that a trace consists of, with their field numbers. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; }
  message InstrumentationScope { string name = 1; string version = 2; }
  enum SpanKind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; PRODUCER = 4; CONSUMER = 5; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
    string name = 5; SpanKind kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; Status status = 15;
  }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);
const requestType = root.lookupType('ExportTraceServiceRequest');

interface KeyValue {
  key: string;
  value?: Record<string, unknown>;
}

interface ExportTraceServiceRequest {
  resourceSpans?: {
    resource?: { attributes?: KeyValue[] };
    scopeSpans?: { spans?: WireSpan[] }[];
  }[];
}

interface WireSpan {
  traceId: Buffer;
  spanId: Buffer;
  parentSpanId?: Buffer;
  name?: string;
  kind: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  status?: { code?: number };
}

const statusError = 2;

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: NodeJS.Dict<string | string[]>[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      requests.push(request.headers);
      const body = await buffer(request);
      try {
        if (request.method !== 'POST' || request.url !== '/v1/traces') throw new Error('not POST /v1/traces');
        if (request.headers['content-type'] !== 'application/x-protobuf') throw new Error('not protobuf');
        spans.push(...readRequest(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      } catch (error) {
        refused.push((error as Error).message);
        response.writeHead(400).end();
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    spans,
    requests,
    refused,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function readRequest(body: Buffer): ReceivedSpan[] {
  const options = { longs: String, enums: String };
  const request = requestType.toObject(requestType.decode(body), options) as ExportTraceServiceRequest;
  return (request.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => readSpan(span, plain(resource?.attributes)))),
  );
}

function readSpan(span: WireSpan, resource: Record<string, unknown>): ReceivedSpan {
  const { traceId, spanId, parentSpanId, name = '', kind, attributes, status } = span;
  const [startNs, endNs] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)];
  if (traceId.length !== 16 || spanId.length !== 8) throw new Error('an id has the wrong length');
  if (traceId.every((byte) => byte === 0) || spanId.every((byte) => byte === 0))
    throw new Error('an id is 0');
  if (name === '' || startNs === 0n || endNs < startNs) throw new Error('a span without a name or time');
  return {
    traceId: traceId.toString('hex'),
    spanId: spanId.toString('hex'),
    parentSpanId: parentSpanId?.toString('hex') ?? '',
    name,
    kind,
    startNs,
    endNs,
    attributes: plain(attributes),
    isError: status?.code === statusError,
    resource,
  };
}

function plain(attributes: KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}
