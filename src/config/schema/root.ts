import { credentialsSchema } from './credentials.js';
import { followUpSchema } from './follow-up.js';
import { choice, count, duration, elements, text } from './keys.js';
import { natsSchema } from './nats.js';

/**
 * Every key outside the list of queues; the single source for loading, checking, printing and documenting
 * them.
 */
export const rootSchema = {
  queues: elements(
    'The queues to receive from, side by side. In the variable, JSON. A later source replaces the whole list.',
    'a list of at least one queue',
  ),
  credentials: credentialsSchema,
  nats: natsSchema,
  dedupe: {
    horizon: duration(
      'How long an event id is remembered. `auto`: as long as MNS can still redeliver, which is the longest retention of the live queues.',
      { min: '100ms', max: '30d', default: 'auto', or: 'auto' },
    ),
  },
  foreignEvents: choice(
    'What to do with events of a type other than `DeleteMediaComplete`.',
    ['forward', 'dead-letter', 'discard'],
    { default: 'forward' },
  ),
  maxAttempts: count(
    'Deliveries after which a message that fails for an unknown reason becomes a dead letter.',
    {
      min: 1,
      max: 1000,
      default: 10,
    },
  ),
  followUp: followUpSchema,
  http: {
    host: text(
      'The address on which `run` answers probes and scrapes; `127.0.0.1` keeps them on this machine.',
      {
        expected: 'an IP address or a host name',
        pattern: /^[\w.:-]{1,253}$/,
        default: '0.0.0.0',
      },
    ),
    port: count('Its port; 0 takes a free one and logs which.', { min: 0, max: 65_535, default: 8080 }),
  },
  stop: {
    grace: duration('How long a stop may take to finish and settle what is in flight.', {
      min: '0s',
      max: '1h',
      default: '25s',
    }),
  },
  log: {
    level: choice('The least severe lines that are written.', ['debug', 'info', 'warn', 'error'], {
      default: 'info',
    }),
  },
};
