import { codeOf, errorFacts, troubleOf } from './error-facts.js';
import { doctorAdvice as advice } from './log-lines/line.js';
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

/** The events between the worker and NATS: a part of `createTelemetry`. */
export function createNatsTelemetry({ say, state, metrics, clock, once, bursts }: TelemetryParts) {
  const { nats } = state;
  const trouble = (message: string): Trouble => ({ code: 'Nats', message, advice, atMs: clock.now() });

  return {
    connectFailed: (servers: readonly string[], reason: string, error: unknown, retryInMs: number) => {
      const found = troubleOf(error, clock.now());
      const message = `${servers.join(', ')}: ${reason}`;
      nats.trouble = { ...found, message, advice };
      once.tell('connect', codeOf(error), (more) => {
        say('natsConnectFailed', {
          servers,
          ...errorFacts(error),
          error: message,
          advice,
          retryInMs,
          ...more,
        });
      });
    },
    connected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      once.forget('connect');
      say('natsConnected', { server });
    },
    disconnected: (server: string) => {
      nats.connected = false;
      nats.trouble = trouble('the connection is lost');
      metrics.disconnected();
      once.tell('connection', 'lost', (more) => {
        say('natsDisconnected', { server, ...more });
      });
    },
    reconnectFailed: (reason: string, error: unknown) => {
      nats.trouble = trouble(`the connection is lost, and connecting again fails: ${reason}`);
      once.tell('reconnect', reason, (more) => {
        say('natsReconnectFailed', { ...errorFacts(error), error: reason, ...more });
      });
    },
    /** A file of secrets or certificates, by its key, cannot be used; undefined: it can again. */
    staleFile: (key: string, error: unknown) => {
      if (error === undefined) {
        once.over(key, (failures) => {
          say('secretFileRecovered', { key, failures });
        });
        return;
      }
      // The text of an error may quote the path, where a secret may stand by a slip.
      const { code, name } = error as NodeJS.ErrnoException;
      once.tell(key, code ?? name, (more) => {
        say('secretFileFailed', { key, code: code ?? name, ...more });
      });
    },
    reconnected: (server: string) => {
      nats.connected = true;
      nats.server = server;
      once.forget('reconnect');
      once.over('connection', (losses) => {
        say('natsReconnected', { server, losses });
      });
    },
    refused: (refusal: Refusal) => {
      const { text, operation, subject } = refusal;
      const advice = adviceOn(refusal, state.plan.role);
      nats.trouble = { ...trouble(text), advice };
      once.tell('refused', text, (more) => {
        say(subject === undefined ? 'natsRefused' : 'natsRefusedSubject', {
          server: nats.server,
          error: text,
          operation,
          subject,
          advice,
          ...more,
        });
      });
    },
    publishTrouble: (reason: string, stream: string) => {
      nats.trouble = trouble(`${stream}: ${reason}`);
      once.tell(`publish ${stream}`, reason, (more) => {
        say('publishTrouble', { stream, reason, ...more });
      });
    },
    /** A publication is given up for now, so that it holds up no other. */
    notStored: ({ stream, subject, reason, advice }: NotStored) => {
      nats.trouble = trouble(`${stream}: ${reason}`);
      metrics.notStored(stream);
      bursts.tell(`not stored ${stream} ${reason}`, (more) => {
        say('publishRefused', {
          stream,
          subject: subject.slice(0, maxSubjectLength),
          reason,
          advice,
          ...more,
        });
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
          say('storeOpened', { closures });
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
        say('storeClosed', { reason, ...more });
      });
    },
    duplicateAbsent: (stream: string, msgId: string, seq: number) => {
      bursts.tell(`absent ${stream}`, (more) => {
        say('duplicateAbsent', { stream, msgId, seq, ...more });
      });
    },
    duplicateUnseen: (stream: string, reason: string) => {
      once.tell(`unseen ${stream}`, reason, (more) => {
        say('duplicateUnseen', { stream, reason, ...more });
      });
    },
    /** Nothing was stored since it could not be, but by the state of the stream the next message can. */
    storeReady: () => {
      if (!nats.closed || nats.closed.isReady) return;
      nats.closed = { ...nats.closed, isReady: true };
      bursts.tell('store ready', (more) => {
        say('storeProbed', more);
      });
    },
    streamCreated: (stream: string) => {
      state.startTrouble = undefined;
      once.forget(`declare ${stream}`);
      say('streamCreated', { stream });
    },
    streamDiffers: (stream: string, differences: readonly string[]) => {
      once.tell(`differs ${stream}`, differences.join(), (more) => {
        say('streamDiffers', { stream, differences, ...more });
      });
    },
    windowRefused: (stream: string, windowMs: number, wantedMs: number, command: string) => {
      const [windowSeconds, wantedSeconds] = [windowMs / 1000, wantedMs / 1000];
      const advice = `as an operator: ${command}`;
      once.tell(`window ${stream}`, 'refused', (more) => {
        say('windowRefused', { stream, windowSeconds, wantedSeconds, advice, ...more });
      });
    },
    declareFailed: (stream: string, reason: string, retryInMs: number) => {
      state.startTrouble = trouble(`the stream ${stream} cannot be declared: ${reason}`);
      once.tell(`declare ${stream}`, reason, (more) => {
        say('streamDeclareFailed', { stream, reason, retryInMs, ...more });
      });
    },
  };
}
