import { natsReason } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

/** What can happen to what the follow-up half takes from NATS: as `createTelemetry`, of which it is a part. */
export function createConsumerTelemetry({ log, state, clock, once }: TelemetryParts) {
  const known = state.followUp;
  /** Consumers from which follow-ups came at least once. */
  const begun = new Set<string>();
  const failed = (code: string, message: string): void => {
    known.trouble = { code, message, atMs: clock.now() };
  };
  /** NATS is away, which has a line of its own: what follows from that needs none. */
  const isNatsAway = (): boolean => !state.nats.connected || state.nats.closed?.isReady === false;

  return {
    jobQueueFailed: (durable: string, reason: string, retryInMs: number) => {
      const words = natsReason(reason);
      known.consumers.set(durable, words);
      failed('Consumer', words);
      if (isNatsAway()) return;
      once.tell(`jobs ${durable}`, reason, (more) => {
        log.error(
          { consumer: durable, reason: words, retryInMs, ...more },
          'no follow-ups come from the stream: trying again',
        );
      });
    },
    jobQueueRunning: (durable: string) => {
      known.consumers.set(durable, undefined);
      state.startTrouble = undefined;
      if (begun.has(durable)) {
        once.over(`jobs ${durable}`, (failures) => {
          log.info({ consumer: durable, failures }, 'taking follow-ups from the stream again');
        });
      } else {
        begun.add(durable);
        once.forget(`jobs ${durable}`);
        log.info({ consumer: durable }, 'taking follow-ups from the stream');
      }
    },
    consumerMade: (consumer: string, stream: string, waiting: number) => {
      // No warning: at a first start events may be stored before the consumer is there.
      const made = 'the consumer was not there and is made: it starts with the first message of the stream';
      const again = '; if somebody deleted it, what has an outcome is not called on again';
      log.info({ consumer, stream, waiting }, waiting === 0 ? made : `${made}${again}`);
    },
    consumerPaused: (consumer: string, stream: string, untilMs: number) => {
      const until = new Date(untilMs).toISOString();
      known.paused.set(consumer, { stream, until });
      log.warn(
        { consumer, stream, until },
        `somebody has paused the consumer: nothing is followed up until then, or until \`nats consumer resume ${stream} ${consumer}\``,
      );
    },
    consumerResumed: (consumer: string) => {
      known.paused.delete(consumer);
      log.info({ consumer }, 'the consumer is no longer paused');
    },
    permitsFailed: (account: string, reason: string, retryInMs: number) => {
      const words = natsReason(reason);
      failed('Permits', words);
      if (isNatsAway()) return;
      once.tell(`permits ${account}`, reason, (more) => {
        log.error(
          { account, reason: words, retryInMs, ...more },
          'the shared rate of calls to VOD is not available in NATS: no calls are made; trying again',
        );
      });
    },
  };
}
