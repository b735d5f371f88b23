import { traceContextOf } from '../event/trace-context.js';
import type { Tracing } from '../operate/tracing.js';
import { createRelay, type RelayLease, type RelayOptions } from '../relay/relay.js';
import { leaseWith } from './timed.js';
import { tracedPublisher } from './traced-publisher.js';

/**
 * As `createRelay`, which knows nothing of it: each message has a span, with decode, publish and ack under
 * it, in the trace that its sender put into its properties.
 */
export function createTracedRelay(
  options: RelayOptions,
  tracing: Tracing,
  queue: string,
): ReturnType<typeof createRelay> {
  const operation = (name: string, type: 'process' | 'settle') => ({
    'messaging.system.name': 'alibabacloud_mns',
    'messaging.destination.name': queue,
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  });

  return async (lease) => {
    const { messageId, attempt, enqueuedAtMs, properties } = lease.message;
    const span = tracing.begin(`process ${queue}`, traceContextOf(properties), {
      ...operation('process', 'process'),
      'messaging.message.id': messageId,
      'vod_relay.attempt': attempt,
      'vod_relay.enqueue_time': new Date(enqueuedAtMs).toISOString(),
    });
    const settling = async (name: string, settle: () => Promise<boolean>): Promise<boolean> => {
      span.firstStage('decode');
      const stage = { kind: 'client', facts: operation(name, 'settle') } as const;
      return await span.stage(`${name} ${queue}`, stage, async (_trace, add) => {
        const isSettled = await settle();
        add({ 'vod_relay.settled': isSettled });
        return isSettled;
      });
    };
    const tracedLease: RelayLease = leaseWith(lease, {
      ack: () => settling('ack', () => lease.ack()),
      release: (delaySeconds) => settling('release', () => lease.release(delaySeconds)),
    });
    const traced = tracedPublisher(options.publisher, span);
    const publisher: RelayOptions['publisher'] = {
      publish(publication, signal) {
        span.firstStage('decode');
        return traced.publish(publication, signal);
      },
    };
    const outcome = await createRelay({ ...options, publisher })(tracedLease);
    const { kind, eventId, cause } = outcome;
    const code = kind === 'dead-lettered' ? outcome.code : undefined;
    span.add({ 'vod_relay.outcome': kind, 'vod_relay.event_id': eventId, 'vod_relay.code': code });
    span.end(cause);
    return outcome;
  };
}
