import { codeOf, errorFacts, troubleOf } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

/** What can happen between the worker and NATS: as `createTelemetry`, of which it is a part. */
export function createNatsTelemetry({ log, state, metrics, clock, once }: TelemetryParts) {
  const { nats } = state;
  const trouble = (message: string): { code: string; message: string; atMs: number } => {
    return { code: 'Nats', message, atMs: clock.now() };
  };

  return {
    connectFailed: (servers: readonly string[], error: unknown, retryInMs: number) => {
      nats.trouble = troubleOf(error, clock.now());
      once.tell('connect', codeOf(error), () => {
        log.error({ servers, ...errorFacts(error), retryInMs }, 'NATS cannot be reached: trying again');
      });
    },
    connected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      once.over('connect');
      log.info({ server }, 'connected to NATS');
    },
    disconnected: (server: string) => {
      nats.connected = false;
      nats.trouble = trouble('the connection is lost');
      metrics.disconnected();
      log.warn({ server }, 'the connection to NATS is lost: reconnecting');
    },
    reconnected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      log.info({ server }, 'connected to NATS again');
    },
    refused: (reason: string) => {
      nats.trouble = trouble(reason);
      log.error({ reason }, 'NATS refuses something: check the permissions and credentials of its account');
    },
    publishTrouble: (reason: string) => {
      nats.trouble = trouble(reason);
      log.warn({ reason }, 'NATS does not store an event for now: trying again');
    },
    /** A publication was stored. */
    published: (durationMs: number) => {
      metrics.published(durationMs);
    },
    storeGate: (closedBecause: string | undefined) => {
      nats.closedBecause = closedBecause;
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
      state.startTrouble = trouble(`the stream ${stream} cannot be declared: ${reason}`);
      once.tell(`declare ${stream}`, reason, () => {
        log.error({ stream, reason, retryInMs }, 'the stream cannot be declared: trying again');
      });
    },
  };
}
