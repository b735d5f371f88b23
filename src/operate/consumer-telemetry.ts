import type { TelemetryParts } from './telemetry-parts.js';

/** The events of the consumers that the follow-up half reads: a part of `createTelemetry`. */
export function createConsumerTelemetry({ say, state, clock, once }: TelemetryParts) {
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
      known.consumers.set(durable, reason);
      failed('Consumer', reason);
      if (isNatsAway()) return;
      once.tell(`jobs ${durable}`, reason, (more) => {
        say('consumerFailed', { consumer: durable, reason, retryInMs, ...more });
      });
    },
    jobQueueRunning: (durable: string) => {
      known.consumers.set(durable, undefined);
      state.startTrouble = undefined;
      if (begun.has(durable)) {
        once.over(`jobs ${durable}`, (failures) => {
          say('consumerRecovered', { consumer: durable, failures });
        });
      } else {
        begun.add(durable);
        once.forget(`jobs ${durable}`);
        say('consumerStarted', { consumer: durable });
      }
    },
    consumerMade: (consumer: string, stream: string, waiting: number) => {
      // No warning: at a first start events may be stored before the consumer is there.
      say('consumerCreated', { consumer, stream, waiting });
    },
    consumerPaused: (consumer: string, stream: string, untilMs: number) => {
      const until = new Date(untilMs).toISOString();
      known.paused.set(consumer, { stream, until });
      const advice = `\`nats consumer resume ${stream} ${consumer}\` ends the pause`;
      say('consumerPaused', { consumer, stream, until, advice });
    },
    consumerResumed: (consumer: string) => {
      known.paused.delete(consumer);
      say('consumerResumed', { consumer });
    },
    permitsFailed: (account: string, reason: string, retryInMs: number) => {
      failed('Permits', reason);
      if (isNatsAway()) return;
      once.tell(`permits ${account}`, reason, (more) => {
        say('permitsFailed', { account, reason, retryInMs, ...more });
      });
    },
  };
}
