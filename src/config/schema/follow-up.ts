import { choice, count, duration, flag } from './keys.js';

/** The section `followUp`: when `DeleteMultipartUpload` is called for an event, and how fast. */
export const followUpSchema = {
  policy: choice(
    '`orphans`: call where an upload may be left behind; `verify`: also where none should be, to see that; `off`: never call.',
    ['orphans', 'verify', 'off'],
    { default: 'orphans' },
  ),
  callsPerSecond: count(
    '`DeleteMultipartUpload` calls a second for each Alibaba Cloud account, all replicas together. The quota of the account is 10, shared with whatever else calls it.',
    { min: 1, max: 1000, default: 10 },
  ),
  quietPeriod: duration(
    'A media modified within it may still have an upload running, so its follow-up is put off. After 7 days VOD removes parts itself.',
    { min: '1s', max: '7d', belowMax: true, default: '24h' },
  ),
  guard: flag(
    'Ask `GetVideoInfo` before each call. `false` where `vod:GetVideoInfo` cannot be granted: then only failed deletions of a whole video are followed up, `followUp.quietPeriod` after the event.',
    true,
  ),
  maxAttempts: count('Failed calls after which a follow-up becomes a dead letter.', {
    min: 1,
    max: 100,
    default: 10,
  }),
};
