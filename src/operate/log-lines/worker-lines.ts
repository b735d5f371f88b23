import { errorFields, type LineSpec } from './line.js';

/** The process itself, and the commands that run beside it. */
export const workerLines = {
  workerStarting: { level: 'info', message: 'worker starting', fields: ['version', 'role', 'queues'] },
  workerStopping: {
    level: 'info',
    message: 'worker stopping, finishing the messages in flight',
    fields: ['inFlight', 'graceMs'],
  },
  workerAbandoning: {
    level: 'error',
    message: 'worker stopping at once, MNS delivers the messages in flight again',
    fields: ['inFlight'],
    advice: 'if this was an ordinary stop: raise stop.grace, and the grace period of the pod above it',
  },
  workerStopped: { level: 'info', message: 'worker stopped', fields: ['cpuMs', 'totals', 'followUps'] },
  proxyIgnored: {
    level: 'warn',
    message: 'proxy variables ignored, calling MNS, VOD, STS and NATS directly',
    fields: ['variables'],
    advice:
      'allow direct connections to MNS, VOD, STS and NATS, or put a transparent proxy on the way; ' +
      'take the variables out of the pod to end this line',
  },
  httpListening: {
    level: 'info',
    message: 'HTTP server listening for probes and scrapes',
    fields: ['host', 'port'],
  },
  httpAcceptFailed: {
    level: 'error',
    message: 'HTTP connection not accepted, relaying goes on',
    fields: errorFields,
    advice: 'raise the limit of open files',
  },
  httpAnswerFailed: {
    level: 'error',
    message: 'HTTP request failed, relaying goes on',
    fields: ['path', ...errorFields],
    advice: 'report this line with the version',
  },
  logBlocked: {
    level: 'error',
    message: 'log output blocked, up to 1 MiB of lines waits and the rest is lost; relaying goes on',
    fields: ['code', 'linesLost'],
    advice: 'free the disk that the log is on, or restart its reader',
  },
  logRecovered: {
    level: 'warn',
    message: 'log output works again',
    fields: ['linesLost'],
    advice: 'the lines counted in linesLost are lost; /status and /metrics have the state',
  },
  logLevelChanged: { level: 'info', message: 'log level changed by SIGUSR2', fields: ['logLevel'] },
  credentialsFailed: {
    level: 'warn',
    message: 'credentials refresh failed, using the previous credentials until refused',
    fields: ['code'],
    advice: 'check STS, the role and its trust policy, or the metadata service',
  },
  credentialsRecovered: { level: 'info', message: 'credentials refresh works again', fields: ['failures'] },
  spansLost: {
    level: 'warn',
    message: 'spans lost, relaying goes on',
    fields: ['spans', 'code'],
    advice: 'check the collector that the OTEL_ variables name',
  },
  spansRecovered: { level: 'info', message: 'span export works again', fields: ['batches'] },
  replayStarting: { level: 'info', message: 'replay starting', fields: ['id', 'resumed'] },
  replayProgress: {
    level: 'info',
    message: 'replay progress',
    fields: [
      'seen',
      'filteredOut',
      'published',
      'suppressed',
      'undecodable',
      'left',
      'failed',
      'wouldCall',
      'remaining',
      'perSecond',
    ],
  },
} as const satisfies Record<string, LineSpec>;
