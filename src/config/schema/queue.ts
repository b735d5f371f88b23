import { queueCredentialsSchema } from './credentials.js';
import { choice, count, duration, flag, httpOrigin, optional, text } from './keys.js';

/** One element of `queues`. The limits are those of MNS: 16 messages a call, 30 s a poll, 12 h a lease. */
export const queueSchema = {
  name: text('The name of the MNS queue.', {
    expected: 'an MNS queue name: up to 120 letters, digits and hyphens, the first no hyphen',
    pattern: /^[A-Za-z0-9][A-Za-z0-9-]{0,119}$/,
  }),
  endpoint: httpOrigin(
    '`https://<account>.mns.<region>.aliyuncs.com`. Plain http is for loopback hosts only.',
  ),
  allowPlainHttp: flag(
    'Accept plain http to other hosts too: events and signatures can then be read on the way.',
    false,
  ),
  vod: {
    region: text('The region whose VOD writes to this queue, such as `cn-shanghai`.', {
      expected: 'a region such as cn-shanghai',
      pattern: /^[a-z][a-z0-9-]{0,62}$/,
    }),
    account: text('The Alibaba Cloud account whose VOD writes to this queue.', {
      expected: 'the number of an account, in quotes',
      pattern: /^\d{1,32}$/,
    }),
    endpoint: optional(
      httpOrigin(
        'Where follow-ups call that VOD, else `https://vod.<region>.aliyuncs.com`. Plain http as for `endpoint`.',
      ),
    ),
  },
  mode: choice(
    '`live`: always received from; `replay`: only when `vod-relay replay` names it.',
    ['live', 'replay'],
    {
      default: 'live',
    },
  ),
  credentials: queueCredentialsSchema,
  receive: {
    batch: count('Messages asked for in one call.', { min: 1, max: 16, default: 16 }),
    wait: duration('How long MNS may hold a poll that finds the queue empty.', {
      min: '0s',
      max: '30s',
      default: '20s',
      wholeSeconds: true,
    }),
    maxInFlight: count(
      'Received and not yet settled messages, at most. MNS slows a consumer down that holds 5,000.',
      { min: 16, max: 4500, default: 2000 },
    ),
    pollers: {
      min: count('Polls kept open side by side while the queue is quiet.', { min: 1, max: 64, default: 1 }),
      max: count('And while batches come back full.', { min: 1, max: 64, default: 16 }),
    },
    maxLease: duration('A message that is still not settled is renewed until it is this old.', {
      min: '1s',
      max: '12h',
      default: '10m',
    }),
  },
  ack: {
    batch: count('Messages deleted in one call.', { min: 1, max: 16, default: 16 }),
    linger: duration('How long an ack waits for others to go with it.', {
      min: '0ms',
      max: '1s',
      default: '5ms',
    }),
  },
};
