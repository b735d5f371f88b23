import type { MessageSpan } from '../operate/message-span.js';
import type { Publisher } from '../nats/publish/publisher.js';

/** Publishes under the span of a message, so that whoever receives the publication goes on with its trace. */
export function tracedPublisher(
  publisher: Pick<Publisher, 'publish'>,
  span: MessageSpan,
): Pick<Publisher, 'publish'> {
  return {
    async publish(publication, signal) {
      const { subject, stream, msgId, headers } = publication;
      const facts = {
        'messaging.system.name': 'nats',
        'messaging.destination.name': subject,
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.message.id': msgId,
        'vod_relay.stream': stream,
      };
      return await span.stage(`publish ${stream}`, { kind: 'producer', facts }, async (trace, add) => {
        const ack = await publisher.publish({ ...publication, headers: { ...headers, ...trace } }, signal);
        add({ 'vod_relay.stream_sequence': ack.seq, 'vod_relay.duplicate': ack.duplicate });
        return ack;
      });
    },
  };
}
