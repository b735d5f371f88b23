import { traceContextOf } from '../event/trace-context.js';
import type { VodSite } from '../follow-up/deletion.js';
import { createFollowUp, type FollowUpOptions } from '../follow-up/follow-up.js';
import type { MessageSpan } from '../operate/message-span.js';
import type { Tracing } from '../operate/tracing.js';
import type { Job } from '../nats/jobs/job.js';
import { tracedPublisher } from './traced-publisher.js';

/**
 * As `createFollowUp`, which knows nothing of it: each time a follow-up is taken up there is a span, with the
 * wait for a permit, the calls to VOD, the publication and the ack under it, in the trace of its event.
 */
export function createTracedFollowUp(
  options: FollowUpOptions,
  tracing: Tracing,
): ReturnType<typeof createFollowUp> {
  return async (job, signals) => {
    const { subject, streamSeq, deliveries, headers } = job;
    const operation = (name: string, type: 'process' | 'settle') => ({
      'messaging.system.name': 'nats',
      'messaging.destination.name': subject,
      'messaging.message.id': headers['Nats-Msg-Id'],
      'messaging.operation.name': name,
      'messaging.operation.type': type,
    });
    const span = tracing.begin('process follow-up', traceContextOf(headers), {
      ...operation('process', 'process'),
      'vod_relay.stream_sequence': streamSeq,
      'vod_relay.attempt': deliveries,
    });
    const followUp = createFollowUp({
      ...options,
      publisher: tracedPublisher(options.publisher, span),
      siteOf: (of) => {
        const site = options.siteOf(of);
        return site && tracedSite(site, span);
      },
      onSettled: (of, result) => {
        span.add({
          'vod_relay.outcome': result.outcome,
          'vod_relay.row': result.row,
          'vod_relay.event_id': of.eventId,
          'vod_relay.media_id': of.mediaId,
          'vod_relay.code': result.code,
          'vod_relay.request_id': result.requestId,
        });
        options.onSettled(of, result);
      },
    });
    const tracedJob: Job = {
      ...job,
      ack: () =>
        span.stage('ack follow-up', { kind: 'client', facts: operation('ack', 'settle') }, () => job.ack()),
      redeliver: (delayMs) => {
        span.add({ 'vod_relay.outcome': 'redelivered', 'vod_relay.redelivered_in_ms': delayMs });
        job.redeliver(delayMs);
      },
    };
    try {
      await followUp(tracedJob, signals);
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
  };
}

function tracedSite({ client, permits, vodNowMs }: VodSite, span: MessageSpan): VodSite {
  const call = <T>(operation: string, run: () => Promise<T>): Promise<T> =>
    span.stage(
      operation,
      { kind: 'client', facts: { 'rpc.system.name': 'alibabacloud', 'rpc.method': `vod/${operation}` } },
      run,
    );
  return {
    client: {
      getVideoInfo: (mediaId, signal) => call('GetVideoInfo', () => client.getVideoInfo(mediaId, signal)),
      deleteMultipartUpload: (mediaId, signal) =>
        call('DeleteMultipartUpload', () => client.deleteMultipartUpload(mediaId, signal)),
    },
    vodNowMs,
    permits: {
      acquire: (priority, signal) => span.stage('permit', {}, () => permits.acquire(priority, signal)),
    },
  };
}
