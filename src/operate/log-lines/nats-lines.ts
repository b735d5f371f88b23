import { doctorAdvice, errorFields, type LineSpec } from './line.js';

/** NATS: the connection, the streams, and what is published to them. */
export const natsLines = {
  natsConnected: { level: 'info', message: 'NATS connected', fields: ['server'] },
  natsConnectFailed: {
    level: 'error',
    message: 'NATS connection failed, trying again',
    fields: ['servers', ...errorFields, 'retryInMs'],
    advice: doctorAdvice,
  },
  natsDisconnected: {
    level: 'warn',
    message: 'NATS connection lost, reconnecting',
    fields: ['server'],
    advice: 'if it lasts: check the servers and the network; MNS keeps the messages meanwhile',
  },
  natsReconnectFailed: {
    level: 'warn',
    message: 'NATS reconnect failed, trying again',
    fields: errorFields,
    advice: doctorAdvice,
  },
  natsReconnected: { level: 'info', message: 'NATS connected again', fields: ['server', 'losses'] },
  natsRefused: {
    level: 'error',
    message: 'NATS refused the worker, trying again',
    fields: ['server', 'error', 'operation', 'subject'],
    advice: doctorAdvice,
  },
  natsRefusedSubject: {
    level: 'error',
    message: 'NATS refused the worker a subject, trying again',
    fields: ['server', 'error', 'operation', 'subject'],
    advice: 'grant the subject to the user of the worker (deploy/nats)',
  },
  secretFileFailed: {
    level: 'error',
    message: 'secret file unusable, using its previous content',
    fields: ['key', 'code'],
    advice: 'mend the file that this key of the configuration names',
  },
  secretFileRecovered: { level: 'info', message: 'secret file usable again', fields: ['key', 'failures'] },
  storeClosed: {
    level: 'error',
    message: 'NATS storage of events failed, receiving nothing until it works',
    fields: ['reason'],
    advice: doctorAdvice,
  },
  storeProbed: {
    level: 'info',
    message: 'NATS stream of events looks well, receiving one message to make sure',
    fields: [],
  },
  storeOpened: { level: 'info', message: 'NATS storage of events works again', fields: ['closures'] },
  publishTrouble: {
    level: 'warn',
    message: 'NATS publish failed, trying again',
    fields: ['stream', 'reason'],
    advice: 'if it lasts: `nats stream info` shows the leader, the replicas and the limits of the stream',
  },
  publishRefused: {
    level: 'error',
    message: 'message not stored, trying again with growing delays; other messages go on',
    fields: ['stream', 'subject', 'reason'],
    advice: doctorAdvice,
  },
  duplicateAbsent: {
    level: 'warn',
    message: 'duplicate missing from its stream, published again under another id',
    fields: ['stream', 'msgId', 'seq'],
    advice:
      'nothing after a purge or a trim; otherwise check whether a replica of the stream was rolled back',
  },
  duplicateUnseen: {
    level: 'error',
    message: 'duplicate check not permitted, an event that was purged or rolled back is lost',
    fields: ['stream', 'reason'],
    advice: 'grant "$JS.API.STREAM.MSG.GET.<stream>" to the user of the worker (deploy/nats)',
  },
  streamCreated: { level: 'info', message: 'stream created', fields: ['stream'] },
  streamDiffers: {
    level: 'warn',
    message: 'stream differs from the configuration, left as it is',
    fields: ['stream', 'differences'],
    advice: '`vod-relay doctor` says whether it matters',
  },
  streamDeclareFailed: {
    level: 'error',
    message: 'stream cannot be declared, trying again',
    fields: ['stream', 'reason', 'retryInMs'],
    advice: doctorAdvice,
  },
  windowRefused: {
    level: 'error',
    message:
      'duplicate window too short, looking events up first; dead letters and outcomes can be stored twice',
    fields: ['stream', 'windowSeconds', 'wantedSeconds'],
    advice: 'as an operator: `nats stream edit <stream> --dupe-window=…`',
  },
} as const satisfies Record<string, LineSpec>;
