/** The bodies that VOD and MNS put into a queue, for tests to send. */

/** The fields of a DeleteMediaComplete with these ones changed or added; undefined leaves one out. */
export function deletion(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    EventType: 'DeleteMediaComplete',
    EventTime: '2026-03-20T07:49:17Z',
    Status: 'success',
    MediaType: 'video',
    DeleteType: 'all',
    MediaId: '1234343b689jsi3ka5422dfe1e47****',
    ...fields,
  };
}

/** The body of a DeleteMediaComplete. */
export function deletionBody(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(deletion(fields));
}

/** The body of an event of another type. */
export function foreignBody(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    EventType: 'TranscodeComplete',
    EventTime: '2026-03-20T07:49:17Z',
    Status: 'success',
    VideoId: '43b689jsi3ka5422dfe1e47',
    ...fields,
  });
}

/** The form of a message after a topic's subscription in JSON form. */
export function topicNotification(message: string): string {
  return JSON.stringify({
    TopicOwner: '1000000000000001',
    Message: message,
    Subscriber: '1000000000000001',
    PublishTime: '1774000000000',
    SubscriptionName: 'to-queue',
    TopicName: 'vod-topic',
    MessageId: 'D024B7DD33FD7FCF7F827DA3D57AEBEE',
  });
}
