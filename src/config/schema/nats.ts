import {
  choice,
  count,
  duration,
  flag,
  natsServers,
  oneOfCounts,
  optional,
  path,
  secret,
  text,
} from './keys.js';
import type { Variants } from '../read/union.js';

/** The keys of each type of NATS authentication. */
export const NATS_AUTH_VARIANTS = {
  none: { required: [], optional: [] },
  creds: { required: ['file'], optional: [] },
  nkey: { required: ['seedFile'], optional: [] },
  token: { required: ['token'], optional: [] },
  user: { required: ['user', 'password'], optional: [] },
} as const satisfies Variants;

export const natsSchema = {
  servers: natsServers(
    'Servers of one cluster, all `tls://` or all `nats://` (plain, for loopback hosts only). In the variable, separated by commas.',
  ),
  allowPlaintext: flag(
    'Accept `nats://` to other hosts too: events and passwords can then be read on the way.',
    false,
  ),
  name: text('The name of the connection in the reports of the server.', {
    expected: '1 to 128 printable characters',
    pattern: /^\P{Cc}{1,128}$/u,
    default: 'vod-relay',
  }),
  prefix: text('The first tokens of every subject. The streams are named after it: `VOD_EVENTS` and so on.', {
    expected: 'up to 64 letters, digits, - and _, in tokens joined by dots',
    pattern: /^(?=.{1,64}$)(?!_INBOX)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
    default: 'vod',
  }),
  manageStreams: flag('Create the streams that are missing. `false`: only look at them.', true),
  streamReplicas: oneOfCounts('Copies of each stream that is created. Use 3 in production.', [1, 3, 5], 1),
  retention: {
    events: duration('How long the events stay in their stream; at least `dedupe.horizon`.', {
      min: '1s',
      max: '3650d',
      default: '14d',
    }),
    followUps: duration(
      'How long follow-ups stay in theirs, those that were put off included; at least twice `followUp.quietPeriod`.',
      { min: '1s', max: '3650d', default: '14d' },
    ),
    deadLetters: duration('How long dead letters stay in theirs.', {
      min: '1s',
      max: '3650d',
      default: '30d',
    }),
  },
  maxPublishesInFlight: count('Events published and not yet stored, at most.', {
    min: 1,
    max: 16_384,
    default: 1024,
  }),
  ackTimeout: duration('How long one publish waits until the event is stored, before it is tried again.', {
    min: '100ms',
    max: '2m',
    default: '5s',
  }),
  auth: {
    type: choice(
      'How to sign in to NATS. A later source that names another type replaces all of it.',
      ['none', 'creds', 'nkey', 'token', 'user'],
      { default: 'none', hidden: true },
    ),
    file: optional(path('For `creds`: a credentials file, read again at each connect.')),
    seedFile: optional(path('For `nkey`: a file with the seed, read again at each connect.')),
    token: optional(secret('For `token`.')),
    tokenFile: optional(path('A file that holds the token, read again at each connect.')),
    user: optional(text('For `user`.', { expected: 'a user name', pattern: /^\P{Cc}+$/u, hidden: true })),
    password: optional(secret('For `user`.')),
    passwordFile: optional(path('A file that holds the password, read again at each connect.')),
  },
  tls: {
    caFile: optional(
      path(
        'PEM file of the authorities to trust instead of the ones Node.js trusts. All three are read again at each connect.',
      ),
    ),
    certFile: optional(path('PEM file of the client certificate, for mutual TLS; needs `nats.tls.keyFile`.')),
    keyFile: optional(path('PEM file of its key.')),
    handshakeFirst: flag(
      'Start TLS before the first line of the server, which must be set up for it.',
      false,
    ),
  },
};
