/**
 * The W3C Trace Context of a message: which trace its sender made it part of. Keys are the names of the
 * properties in MNS and of the headers in NATS alike. Empty when the message belongs to no trace.
 */
export type TraceContext = Readonly<Partial<Record<'traceparent' | 'tracestate', string>>>;

/**
 * `version-traceid-parentid-flags`; version ff and ids of zeros only are invalid. Source: W3C Trace Context,
 * 3.2.
 */
const traceparentForm = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** As long as a sender may rely on, and nothing that could end the line of a header. */
const tracestateForm = /^[ -~]{1,512}$/;

/**
 * The trace context among these properties or headers. A value without its form is left out, without an
 * error.
 */
export function traceContextOf({ traceparent, tracestate }: Readonly<Record<string, string>>): TraceContext {
  if (traceparent === undefined || !traceparentForm.test(traceparent)) return {};
  if (tracestate === undefined || !tracestateForm.test(tracestate)) return { traceparent };
  return { traceparent, tracestate };
}
