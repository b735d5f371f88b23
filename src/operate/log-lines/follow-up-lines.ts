import { doctorAdvice, errorFields, type LineSpec } from './line.js';

const followUpFields = [
  'mediaId',
  'eventId',
  'source',
  'queue',
  'outcome',
  'row',
  'attempts',
  'code',
  'requestId',
  'due',
  'reason',
] as const;

/** The follow-up half: its consumers, its calls to VOD, its outcomes. */
export const followUpLines = {
  followUpSettled: { level: 'debug', message: 'follow-up settled', fields: followUpFields },
  followUpPostponed: { level: 'debug', message: 'follow-up postponed', fields: followUpFields },
  followUpKnown: {
    level: 'info',
    message: 'follow-up delivered again after its outcome, calling nothing',
    fields: ['mediaId', 'eventId', 'source'],
  },
  followUpBlocked: {
    level: 'error',
    message: 'follow-up blocked, parts of the upload may remain',
    fields: followUpFields,
    advice: 'mend what code and reason say, then `vod-relay replay --events --follow-up`',
  },
  followUpUnknown: {
    level: 'warn',
    message: 'follow-up unknown, the event holds a value that the plan lacks; calling nothing',
    fields: followUpFields,
    advice: 'look the value up in the documentation of VOD and report it',
  },
  followUpGivenUp: {
    level: 'warn',
    message: 'follow-up given up, the media was not quiet for seven days; VOD removes the parts',
    fields: followUpFields,
    advice: 'nothing, unless many are: then lower followUp.quietPeriod',
  },
  followUpFailed: {
    level: 'error',
    message: 'follow-up failed, kept as a dead letter',
    fields: followUpFields,
    advice: 'mend what code and reason say, then `vod-relay replay --dead-letters --queue follow-up`',
  },
  followUpUnreadable: {
    level: 'warn',
    message: 'stream message unreadable, kept as a dead letter',
    fields: ['subject'],
    advice: 'find who else publishes under this subject',
  },
  followUpCrashed: {
    level: 'error',
    message: 'follow-up crashed, trying again',
    fields: ['consumer', 'error', 'retryInMs'],
    advice: 'report this line with the version',
  },
  vodCallFailed: {
    level: 'warn',
    message: 'VOD call failed, the follow-up is postponed',
    fields: followUpFields,
    advice: 'if it lasts: look at code and reason; `vod-relay doctor` checks the permissions',
  },
  vodCallRecovered: { level: 'info', message: 'VOD calls work again', fields: ['source', 'times'] },
  vodQuotaReached: {
    level: 'warn',
    message: 'VOD quota reached, calling more slowly',
    fields: ['account', 'awayMs'],
    advice: 'lower followUp.callsPerSecond if it lasts: the quota is shared with whatever else calls VOD',
  },
  vodQuotaRecovered: {
    level: 'info',
    message: 'VOD quota no longer reached, calling at the usual rate',
    fields: ['account', 'refused'],
  },
  permitsFailed: {
    level: 'error',
    message: 'VOD permits unavailable in NATS, calling nothing; trying again',
    fields: ['account', 'reason', 'retryInMs'],
    advice: doctorAdvice,
  },
  outcomeLookUpFailed: {
    level: 'error',
    message: 'outcome look-up failed, a follow-up that may have been called before waits',
    fields: errorFields,
    advice: 'grant $JS.API.STREAM.MSG.GET on the stream of outcomes to the user (deploy/nats)',
  },
  outcomeLookUpRecovered: { level: 'info', message: 'outcome look-up works again', fields: ['failures'] },
  clocksDiffer: {
    level: 'error',
    message: 'clocks differ, nothing is called or given up before the slower one says so',
    fields: ['of', 'aheadSeconds'],
    advice: 'set the clock that is off (NTP): aheadSeconds is how far this machine is ahead',
  },
  clocksAgree: { level: 'info', message: 'clocks agree again', fields: ['of'] },
  backlogOld: {
    level: 'error',
    message: 'follow-up backlog older than half of the stream retention, older events lose their follow-up',
    fields: ['waiting', 'oldestHours', 'retentionHours'],
    advice: 'raise nats.retention.events, or find what holds the follow-up up',
  },
  backlogRecovered: {
    level: 'info',
    message: 'follow-up backlog no longer old',
    fields: ['waiting', 'oldestHours', 'retentionHours'],
  },
  consumerStarted: { level: 'info', message: 'follow-up consumer started', fields: ['consumer'] },
  consumerFailed: {
    level: 'error',
    message: 'follow-up consumer failed, trying again',
    fields: ['consumer', 'reason', 'retryInMs'],
    advice: doctorAdvice,
  },
  consumerRecovered: {
    level: 'info',
    message: 'follow-up consumer works again',
    fields: ['consumer', 'failures'],
  },
  consumerCreated: {
    level: 'info',
    message:
      'follow-up consumer created, reading from the first message; what has an outcome is not called again',
    fields: ['consumer', 'stream', 'waiting'],
  },
  consumerPaused: {
    level: 'warn',
    message: 'follow-up consumer paused, following up nothing until it is resumed',
    fields: ['consumer', 'stream', 'until'],
    advice: '`nats consumer resume <stream> <consumer>` ends the pause',
  },
  consumerResumed: { level: 'info', message: 'follow-up consumer resumed', fields: ['consumer'] },
} as const satisfies Record<string, LineSpec>;
