import { codeOf, errorFacts, natsReason, troubleOf } from './error-facts.js';
import { adviceOn, type Refusal } from './nats-refusal.js';
import type { Trouble } from './state.js';
import type { TelemetryParts } from './telemetry-parts.js';

/** As NotStoredError of the publisher. */
interface NotStored {
  stream: string;
  subject: string;
  reason: string;
  advice: string;
}

/** Of a subject no more than this is in a line. */
const maxSubjectLength = 300;
const advice = '`vod-relay doctor` says what to mend';

/** What can happen between the worker and NATS: as `createTelemetry`, of which it is a part. */
export function createNatsTelemetry({ log, state, metrics, clock, once, bursts }: TelemetryParts) {
  const { nats } = state;
  const trouble = (message: string): Trouble => ({ code: 'Nats', message, advice, atMs: clock.now() });

  return {
    connectFailed: (servers: readonly string[], error: unknown, retryInMs: number) => {
      const found = troubleOf(error, clock.now());
      const message = `${servers.join(', ')}: ${natsReason(found.message)}`;
      nats.trouble = { ...found, message, advice };
      once.tell('connect', codeOf(error), (more) => {
        log.error(
          { servers, ...errorFacts(error), error: message, advice, retryInMs, ...more },
          'NATS cannot be reached: trying again',
        );
      });
    },
    connected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      once.forget('connect');
      log.info({ server }, 'connected to NATS');
    },
    disconnected: (server: string) => {
      nats.connected = false;
      nats.trouble = trouble('the connection is lost');
      metrics.disconnected();
      once.tell('connection', 'lost', (more) => {
        log.warn({ server, ...more }, 'the connection to NATS is lost: reconnecting');
      });
    },
    reconnectFailed: (error: unknown) => {
      const { message } = troubleOf(error, clock.now());
      nats.trouble = trouble(`the connection is lost, and connecting again fails: ${natsReason(message)}`);
      once.tell('reconnect', message, (more) => {
        log.warn(
          { ...errorFacts(error), error: natsReason(message), ...more },
          'NATS cannot be reached: trying again',
        );
      });
    },
    /** A file of secrets or certificates, by its key, cannot be used; undefined: it can again. */
    staleFile: (key: string, error: unknown) => {
      if (error === undefined) {
        once.over(key, (failures) => {
          log.info({ key, failures }, 'a file of secrets can be used again');
        });
        return;
      }
      // The text of an error may quote the path, where a secret may stand by a slip.
      const { code, name } = error as NodeJS.ErrnoException;
      once.tell(key, code ?? name, (more) => {
        log.error(
          { key, code: code ?? name, ...more },
          'a file of secrets cannot be used: what was in it before is used until it is mended',
        );
      });
    },
    reconnected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      once.forget('reconnect');
      once.over('connection', (losses) => {
        log.info({ server, losses }, 'connected to NATS again');
      });
    },
    refused: (refusal: Refusal) => {
      const { text, operation, subject } = refusal;
      const advice = adviceOn(refusal, state.plan.role);
      nats.trouble = { ...trouble(text), advice };
      once.tell('refused', text, (more) => {
        log.error(
          { server: nats.server, error: text, operation, subject, advice, ...more },
          subject === undefined
            ? 'NATS refuses the worker: what it refused is tried again'
            : 'NATS refuses the worker a subject: what needs it is tried again',
        );
      });
    },
    publishTrouble: (reason: string, stream: string) => {
      nats.trouble = trouble(`${stream}: ${reason}`);
      once.tell(`publish ${stream}`, reason, (more) => {
        log.warn({ stream, reason, ...more }, 'the stream does not store a message for now: trying again');
      });
    },
    /** A publication is given up for now, so that it holds up no other. */
    notStored: ({ stream, subject, reason, advice }: NotStored) => {
      nats.trouble = trouble(`${stream}: ${reason}`);
      metrics.notStored(stream);
      bursts.tell(`not stored ${stream} ${reason}`, (more) => {
        log.error(
          { stream, subject: subject.slice(0, maxSubjectLength), reason, advice, ...more },
          'message not stored: it is tried again with growing delays, and holds up no other',
        );
      });
    },
    /** A publication was stored. */
    published: (durationMs: number) => {
      metrics.published(durationMs);
      once.over('publish', () => undefined);
    },
    /** Events cannot be stored for this reason, or can be again (undefined). */
    storeGate: (reason: string | undefined) => {
      if (reason === undefined) {
        nats.closed = undefined;
        once.over('store', (closures) => {
          log.info({ closures }, 'NATS stores events: receiving');
        });
        return;
      }
      nats.closed = {
        because: reason,
        sinceMs: nats.closed?.sinceMs ?? clock.monotonicMs(),
        isReady: false,
      };
      nats.trouble = trouble(reason);
      once.tell('store', reason, (more) => {
        log.error({ reason, advice, ...more }, 'NATS cannot store events: nothing is received until it can');
      });
    },
    duplicateAbsent: (stream: string, msgId: string, seq: number) => {
      bursts.tell(`absent ${stream}`, (more) => {
        log.warn(
          { stream, msgId, seq, ...more },
          'a duplicate of a message that the stream does not hold: published again under another id',
        );
      });
    },
    duplicateUnseen: (stream: string, reason: string) => {
      once.tell(`unseen ${stream}`, reason, (more) => {
        log.error(
          { stream, reason, ...more },
          'the stream may not be looked at: its word that a message is stored already is believed, and one that was purged or rolled back is lost; grant "$JS.API.STREAM.MSG.GET.<stream>"',
        );
      });
    },
    /** Nothing was stored since it could not be, but by the state of the stream the next message can. */
    storeReady: () => {
      if (!nats.closed || nats.closed.isReady) return;
      nats.closed = { ...nats.closed, isReady: true };
      bursts.tell('store ready', (more) => {
        log.info(
          more,
          'the stream of events looks well: one message is received, and the rest once it is stored',
        );
      });
    },
    streamCreated: (stream: string) => {
      state.startTrouble = undefined;
      once.forget(`declare ${stream}`);
      log.info({ stream }, 'stream created');
    },
    streamDiffers: (stream: string, differences: readonly string[]) => {
      once.tell(`differs ${stream}`, differences.join(), (more) => {
        log.warn({ stream, differences, ...more }, 'the stream differs from the config and is left as it is');
      });
    },
    windowRefused: (stream: string, windowMs: number, wantedMs: number, command: string) => {
      const [windowSeconds, wantedSeconds] = [windowMs / 1000, wantedMs / 1000];
      const advice = `as an operator: ${command}`;
      once.tell(`window ${stream}`, 'refused', (more) => {
        log.error(
          { stream, windowSeconds, wantedSeconds, advice, ...more },
          'the duplicate window is too short and may not be lengthened: older events are looked for in the stream first, and dead letters and outcomes can be stored twice',
        );
      });
    },
    declareFailed: (stream: string, reason: string, retryInMs: number) => {
      const words = natsReason(reason);
      state.startTrouble = trouble(`the stream ${stream} cannot be declared: ${words}`);
      once.tell(`declare ${stream}`, reason, (more) => {
        log.error(
          { stream, reason: words, advice, retryInMs, ...more },
          'the stream cannot be declared: trying again',
        );
      });
    },
  };
}
