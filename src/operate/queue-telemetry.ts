import { codeOf, errorFacts, troubleOf } from './error-facts.js';
import { mnsResult } from './mns-result.js';
import type { QueueState, ReceiverView, Trouble } from './state.js';
import type { TelemetryParts } from './telemetry-parts.js';

/** One call to MNS. */
interface MnsCall {
  operation: string;
  durationMs: number;
  /** Undefined when MNS answered that it took effect. */
  error: unknown;
}

/** The events between the worker and a queue: a part of `createTelemetry`. */
export function createQueueTelemetry({ say, ledger, state, metrics, clock, once }: TelemetryParts) {
  const of = (queue: string, note: (known: QueueState) => void): void => {
    const known = state.queues.get(queue);
    if (known) note(known);
  };
  const failed = (queue: string, error: unknown): Trouble => {
    const trouble = troubleOf(error, clock.now());
    of(queue, (known) => {
      known.trouble = trouble;
    });
    return trouble;
  };

  return {
    /** `receiver` is asked from now on. */
    queueStarted: (queue: string, visibilityMs: number, retentionMs: number, receiver: ReceiverView) => {
      of(queue, (known) => {
        known.receiver = receiver;
      });
      // Only with the streams declared is a queue received from.
      state.startTrouble = undefined;
      once.forget(`attributes ${queue}`);
      say('receiveStarted', { queue, visibilityMs, retentionMs });
    },
    attributesFailed: (queue: string, error: unknown, retryInMs: number) => {
      failed(queue, error);
      once.tell(`attributes ${queue}`, codeOf(error), (more) => {
        say('attributesFailed', { queue, ...errorFacts(error), retryInMs, ...more });
      });
    },
    /** The attributes that were read before are used until they can be read again. */
    attributesUnread: (queue: string, error: unknown) => {
      once.tell(`attributes ${queue}`, codeOf(error), (more) => {
        say('attributesStale', { queue, ...errorFacts(error), ...more });
      });
    },
    attributesRead: (queue: string) => {
      once.over(`attributes ${queue}`, (failures) => {
        say('attributesRecovered', { queue, failures });
      });
    },
    /** `isCovered`: the streams remember ids for as long as the queue may redeliver now. */
    queueChanged: (
      queue: string,
      attributes: { visibilityMs: number; retentionMs: number },
      isCovered: boolean,
    ) => {
      if (isCovered) say('attributesChanged', { queue, ...attributes });
      else say('retentionUncovered', { queue, ...attributes });
    },
    /** A poll was answered; without messages the queue is empty. */
    received: (queue: string, messages: number, oldestEnqueuedAtMs: number) => {
      of(queue, (known) => {
        known.lastPollAtMs = clock.now();
        if (messages === 0) known.lag.empty();
        else {
          known.lastMessageAtMs = clock.now();
          known.received.add(messages);
          known.lag.received(oldestEnqueuedAtMs);
        }
      });
      if (messages > 0) ledger.received(queue, messages);
    },
    receiveFailed: (queue: string, error: unknown, retryInMs: number) => {
      const trouble = failed(queue, error);
      of(queue, (known) => {
        known.pollFault = { sinceMs: known.pollFault?.sinceMs ?? clock.monotonicMs(), trouble };
      });
      if (codeOf(error) === 'PollOverdue') metrics.pollReplaced(queue);
      once.tell(`receive ${queue}`, codeOf(error), (more) => {
        say('receiveFailed', { queue, ...errorFacts(error), retryInMs, ...more });
      });
    },
    receiveRecovered: (queue: string) => {
      of(queue, (known) => {
        known.pollFault = undefined;
      });
      once.over(`receive ${queue}`, (failures) => {
        say('receiveRecovered', { queue, failures });
      });
    },
    /** A time or count of a message is not used; told once for each queue and field. */
    fieldOutOfBounds: (queue: string, field: string, messageId: string) => {
      once.tell(`field ${queue} ${field}`, field, (more) => {
        say('fieldOutOfBounds', { queue, messageId, field, ...more });
      });
    },
    pollEndedEarly: (queue: string, retryInMs: number) => {
      say('pollEndedEarly', { queue, retryInMs });
    },
    mnsCalled: (queue: string, { operation, durationMs, error }: MnsCall) => {
      const result = mnsResult(operation, error);
      metrics.mnsCalled(queue, operation, result);
      const isPoll = operation === 'BatchReceiveMessage';
      if (isPoll && (result === 'ok' || result === 'empty')) metrics.polled(queue, durationMs);
    },
    /** The outcome of a message was stored at `ackMs`, and the message is deleted now. */
    acked: (queue: string, sinceEnqueueMs: number, ackMs: number) => {
      metrics.acked(queue, Math.max(0, sinceEnqueueMs), ackMs);
      once.over(`ack ${queue}`, (failures) => {
        say('deleteRecovered', { queue, failures });
      });
    },
    ackFailed: (queue: string, error: unknown, messages: number) => {
      failed(queue, error);
      once.tell(`ack ${queue}`, codeOf(error), (more) => {
        say('deleteFailed', { queue, messages, ...errorFacts(error), ...more });
      });
    },
  };
}
