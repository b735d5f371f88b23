import { createFollowUpTelemetry } from './follow-up-telemetry.js';
import type { Ledger } from './ledger.js';
import type { Logger } from './log.js';
import { createOnce } from './once.js';

/** An error that knows its code and what the operator can do, such as an MnsError. */
interface CodedError {
  code?: string;
  status?: number;
  requestId?: string;
  advice?: string;
  message: string;
}

/** A message as far as a log line may show it. */
interface MessageFacts {
  messageId: string;
  attempt: number;
}

type OutcomeFacts =
  | { kind: 'dead-lettered'; code: string; reason: string; at: string }
  | { kind: 'released'; delaySeconds: number; cause?: unknown }
  | { kind: 'published' | 'duplicate' | 'forwarded'; eventId: string }
  | { kind: 'discarded' | 'lease-lost' | 'abandoned' };

/**
 * One function for each thing that can happen to the worker: the only place that writes its log line and counts it.
 * A healthy worker writes nothing between its start and its stop. No line holds a body, a handle or a credential.
 */
export function createTelemetry(log: Logger, ledger: Ledger) {
  const once = createOnce();

  return {
    ...createFollowUpTelemetry(log, ledger, once),
    starting: (version: string, role: string, queues: readonly string[]) => {
      log.info({ version, role, queues }, 'worker starting');
    },
    queueStarted: (queue: string, visibilityMs: number, retentionMs: number) => {
      once.over(`attributes ${queue}`);
      log.info({ queue, visibilityMs, retentionMs }, 'receiving from the queue');
    },
    attributesFailed: (queue: string, error: unknown, retryInMs: number) => {
      once.tell(`attributes ${queue}`, codeOf(error), () => {
        log.error(
          { queue, ...facts(error), retryInMs },
          'the attributes of the queue cannot be read: nothing is received from it until they can; trying again',
        );
      });
    },
    received: (queue: string, messages: number) => {
      ledger.received(queue, messages);
    },
    receiveFailed: (queue: string, error: unknown, retryInMs: number) => {
      once.tell(`receive ${queue}`, codeOf(error), () => {
        log.warn({ queue, ...facts(error), retryInMs }, 'receiving from the queue failed: trying again');
      });
    },
    receiveRecovered: (queue: string, failures: number) => {
      once.over(`receive ${queue}`, () => {
        log.info({ queue, failures }, 'receiving from the queue works again');
      });
    },
    pollEndedEarly: (queue: string, retryInMs: number) => {
      log.debug(
        { queue, retryInMs },
        'a long poll ended early and empty: MNS caps concurrent polls; polling more slowly',
      );
    },
    ackFailed: (queue: string, error: unknown, messages: number) => {
      log.warn(
        { queue, messages, ...facts(error) },
        'deleting settled messages from the queue failed: trying again while their leases live',
      );
    },
    settled: (queue: string, { messageId, attempt }: MessageFacts, outcome: OutcomeFacts) => {
      ledger.settled(queue, outcome.kind);
      const message = { queue, messageId, attempt };
      switch (outcome.kind) {
        case 'dead-lettered': {
          const { code, reason, at } = outcome;
          log.warn({ ...message, code, reason, at }, 'message kept as a dead letter, with its bytes');
          return;
        }
        case 'released': {
          const { delaySeconds, cause } = outcome;
          if (cause === undefined) log.info({ ...message, delaySeconds }, 'message given back to the queue');
          else
            log.error(
              { ...message, delaySeconds, ...facts(cause) },
              'message failed: the queue hands it out again',
            );
          return;
        }
        case 'lease-lost':
        case 'abandoned':
          log.warn(
            { ...message, outcome: outcome.kind },
            'message left to the queue, which hands it out again',
          );
          return;
        case 'published':
        case 'duplicate':
        case 'forwarded':
          log.debug({ ...message, eventId: outcome.eventId, outcome: outcome.kind }, 'message settled');
          return;
        case 'discarded':
          log.debug({ ...message, outcome: outcome.kind }, 'message settled');
      }
    },
    connectFailed: (servers: readonly string[], error: unknown, retryInMs: number) => {
      once.tell('connect', codeOf(error), () => {
        log.error({ servers, ...facts(error), retryInMs }, 'NATS cannot be reached: trying again');
      });
    },
    connected: (server: string) => {
      once.over('connect');
      log.info({ server }, 'connected to NATS');
    },
    disconnected: (server: string) => {
      log.warn({ server }, 'the connection to NATS is lost: reconnecting');
    },
    reconnected: (server: string) => {
      log.info({ server }, 'connected to NATS again');
    },
    refused: (reason: string) => {
      log.error({ reason }, 'NATS refuses something: check the permissions and credentials of its account');
    },
    publishTrouble: (reason: string) => {
      log.warn({ reason }, 'NATS does not store an event for now: trying again');
    },
    storeGate: (closedBecause: string | undefined) => {
      if (closedBecause === undefined) log.info('NATS stores events: receiving');
      else log.error({ reason: closedBecause }, 'NATS cannot store events: nothing is received until it can');
    },
    streamCreated: (stream: string) => {
      log.info({ stream }, 'stream created');
    },
    streamDiffers: (stream: string, differences: readonly string[]) => {
      log.warn({ stream, differences }, 'the stream differs from the config and is left as it is');
    },
    declareFailed: (stream: string, reason: string, retryInMs: number) => {
      once.tell(`declare ${stream}`, reason, () => {
        log.error({ stream, reason, retryInMs }, 'the stream cannot be declared: trying again');
      });
    },
    stopping: (inFlight: number, graceMs: number) => {
      log.info({ inFlight, graceMs }, 'stopping: nothing new is received; what is in flight is finished');
    },
    abandoning: (inFlight: number) => {
      log.error(
        { inFlight },
        'stopping at once: what is in flight is abandoned, and the queue hands it out again',
      );
    },
    stopped: (cpuMs: number) => {
      log.info({ cpuMs, totals: ledger.totals(), followUps: ledger.followUps() }, 'worker stopped');
    },
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;

function codeOf(error: unknown): string {
  const { code, message } = error as CodedError;
  return code ?? message;
}

/** What an error says without its cause: causes quote URLs. */
function facts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'unknown' };
  const { code, status, requestId, advice, message } = error as Error & CodedError;
  return { code, status, requestId, error: message, advice };
}
