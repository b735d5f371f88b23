import { codeOf, errorFacts, troubleOf } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

/** A message as far as a log line may show it. */
interface MessageFacts {
  messageId: string;
  attempt: number;
}

type OutcomeFacts = { eventId?: string; mediaId?: string; cause?: unknown } & (
  | { kind: 'dead-lettered'; code: string; reason: string; at: string }
  | { kind: 'released'; delaySeconds: number }
  | { kind: 'published' | 'duplicate' | 'forwarded' | 'discarded' | 'lease-lost' | 'abandoned' }
);

/** VOD gives ids of 32 letters and digits. Any other is a piece of a body, which no log line may hold. */
const ordinaryMediaId = /^[\w-]{1,64}$/;

/**
 * The outcomes of messages: a part of `createTelemetry`. Each has a line at debug; what an operator
 * should see has one more, or one for a burst of them.
 */
export function createMessageTelemetry({
  log,
  say,
  ledger,
  state,
  metrics,
  clock,
  once,
  bursts,
}: TelemetryParts) {
  return {
    settled: (queue: string, { messageId, attempt }: MessageFacts, outcome: OutcomeFacts) => {
      const known = state.queues.get(queue);
      ledger.settled(queue, outcome.kind);
      known?.settled.add(1);
      if (known) known.lastSettledAtMs = clock.now();
      const { kind, eventId, mediaId, cause, ...facts } = outcome;
      const message = {
        queue,
        messageId,
        attempt,
        ...(eventId !== undefined && { eventId }),
        ...(mediaId !== undefined && ordinaryMediaId.test(mediaId) && { mediaId }),
      };
      const failed = (): void => {
        metrics.messageFailed(queue);
        if (known) known.trouble = troubleOf(cause, clock.now());
      };
      switch (outcome.kind) {
        case 'dead-lettered': {
          const { code, reason, at } = outcome;
          metrics.deadLettered(queue, code);
          bursts.tell(`dead letter ${queue} ${code}`, (more) => {
            say('messageDeadLettered', { ...message, code, reason, at, ...more });
          });
          break;
        }
        case 'released': {
          const { delaySeconds } = outcome;
          if (cause === undefined) {
            bursts.tell(`released ${queue}`, (more) => {
              say('messageReleased', { ...message, delaySeconds, ...more });
            });
          } else {
            failed();
            once.tell(`failed ${queue}`, codeOf(cause), (more) => {
              say('messageFailed', { ...message, delaySeconds, ...errorFacts(cause), ...more });
            });
          }
          break;
        }
        case 'lease-lost':
        case 'abandoned':
          if (cause !== undefined) failed();
          bursts.tell(`${kind} ${queue}`, (more) => {
            say('messageLeft', {
              ...message,
              outcome: kind,
              ...(cause !== undefined && errorFacts(cause)),
              ...more,
            });
          });
          break;
        case 'published':
        case 'duplicate':
        case 'forwarded':
        case 'discarded':
      }
      if (log.isLevelEnabled('debug')) {
        const code = cause === undefined ? {} : { code: codeOf(cause) };
        say('messageSettled', { ...message, outcome: kind, ...facts, ...code });
      }
    },
  };
}
