import { doctorAdvice, errorFields, type LineSpec } from './line.js';

const messageFields = ['queue', 'messageId', 'attempt', 'eventId', 'mediaId'] as const;

/** The queues, and the messages that come from them. */
export const queueLines = {
  receiveStarted: {
    level: 'info',
    message: 'MNS receive started',
    fields: ['queue', 'visibilityMs', 'retentionMs'],
  },
  receiveFailed: {
    level: 'warn',
    message: 'MNS receive failed, trying again',
    fields: ['queue', ...errorFields, 'retryInMs'],
    advice: doctorAdvice,
  },
  receiveRecovered: { level: 'info', message: 'MNS receive works again', fields: ['queue', 'failures'] },
  pollEndedEarly: {
    level: 'debug',
    message: 'MNS poll ended early and empty, polling more slowly',
    fields: ['queue', 'retryInMs'],
  },
  fieldOutOfBounds: {
    level: 'warn',
    message: 'message field out of bounds, going on without it',
    fields: ['queue', 'messageId', 'field'],
    advice: 'look for a proxy or another program between MNS and the worker that changes answers',
  },
  deleteFailed: {
    level: 'warn',
    message: 'MNS delete failed, trying again while the leases last',
    fields: ['queue', 'messages', ...errorFields],
    advice: doctorAdvice,
  },
  deleteRecovered: { level: 'info', message: 'MNS delete works again', fields: ['queue', 'failures'] },
  attributesFailed: {
    level: 'error',
    message: 'queue attributes unreadable, receiving nothing from the queue; trying again',
    fields: ['queue', ...errorFields, 'retryInMs'],
    advice: doctorAdvice,
  },
  attributesStale: {
    level: 'warn',
    message: 'queue attributes unreadable, using the previous ones; trying again',
    fields: ['queue', ...errorFields],
    advice: doctorAdvice,
  },
  attributesRecovered: {
    level: 'info',
    message: 'queue attributes readable again',
    fields: ['queue', 'failures'],
  },
  attributesChanged: {
    level: 'info',
    message: 'queue attributes changed, the streams remember ids as long as the queue redelivers',
    fields: ['queue', 'visibilityMs', 'retentionMs'],
  },
  retentionUncovered: {
    level: 'warn',
    message: 'queue retention longer than the duplicate windows, an event may be stored twice',
    fields: ['queue', 'visibilityMs', 'retentionMs'],
    advice: 'lengthen dedupe.horizon, or the duplicate windows of the streams',
  },
  messageDeadLettered: {
    level: 'warn',
    message: 'message kept as a dead letter',
    fields: [...messageFields, 'code', 'reason', 'at'],
    advice: '`vod-relay dead-letters show` prints why, and its bytes',
  },
  messageReleased: {
    level: 'info',
    message: 'message given back to the queue',
    fields: [...messageFields, 'delaySeconds'],
  },
  messageFailed: {
    level: 'error',
    message: 'message failed, MNS delivers it again',
    fields: [...messageFields, 'delaySeconds', ...errorFields],
    advice: 'look at code and error; after maxAttempts deliveries it becomes a dead letter',
  },
  messageLeft: {
    level: 'warn',
    message: 'message left to the queue, MNS delivers it again',
    fields: [...messageFields, 'outcome', ...errorFields],
    advice: 'if it lasts: NATS or MNS is slower than the leases; look at the publish and delete durations',
  },
  messageSettled: {
    level: 'debug',
    message: 'message settled',
    fields: [...messageFields, 'outcome', 'code', 'reason', 'at', 'delaySeconds'],
  },
} as const satisfies Record<string, LineSpec>;
