import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import { codeOf, errorFacts, maxMediaIdLength, natsReason } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

const hourMs = 3_600_000;
/** Clocks that are further apart are told of. */
const clocksApartMs = 60_000;

/** What can happen to the follow-up half: as `createTelemetry`, of which it is a part. */
export function createFollowUpTelemetry({
  log,
  ledger,
  state,
  metrics,
  clock,
  once,
  bursts,
}: TelemetryParts) {
  const known = state.followUp;
  const failed = (code: string, message: string): void => {
    known.trouble = { code, message, atMs: clock.now() };
  };

  return {
    /** VOD answered, or failed to. */
    vodCalled: (operation: string, result: string, durationMs: number) => {
      metrics.vodCalled(operation, result, durationMs);
    },
    followUpSettled: (followUp: FollowUp, { outcome, row, reason, attempts, ...more }: FollowUpResult) => {
      const { eventId, source, queue } = followUp;
      const mediaId = followUp.mediaId.slice(0, maxMediaIdLength);
      const { code, requestId, dueMs } = more;
      ledger.followedUp(outcome);
      known.settled.add(1);
      if (code !== undefined && outcome !== 'nothing-to-delete') failed(code, reason);
      const due = dueMs === undefined ? {} : { due: new Date(dueMs).toISOString() };
      const facts = {
        mediaId,
        eventId,
        source,
        queue,
        outcome,
        row,
        attempts,
        code,
        requestId,
        ...due,
        reason,
      };
      log.debug(facts, outcome === 'postponed' ? 'follow-up put off' : 'follow-up settled');
      switch (outcome) {
        case 'deleted':
        case 'nothing-to-delete':
          once.over(`calls ${source}`, (times) => {
            log.info({ source, times }, 'calls to VOD succeed again');
          });
          return;
        case 'skipped':
          return;
        case 'postponed':
          if (code === undefined) return;
          once.tell(`calls ${source}`, code, (more) => {
            log.warn({ ...facts, ...more }, 'a call to VOD failed: the follow-up is put off and tried again');
          });
          return;
        case 'blocked':
          bursts.tell(`blocked ${code ?? row}`, (more) => {
            log.error(
              { ...facts, ...more },
              'the upload of a media cannot be deleted until an operator has seen to the reason: after that, replay its event',
            );
          });
          return;
        case 'unknown':
          bursts.tell(`unknown ${row}`, (more) => {
            log.warn({ ...facts, ...more }, 'no call is made for an event with a value that is not known');
          });
          return;
        case 'given-up':
          bursts.tell('given-up', (more) => {
            log.warn(
              { ...facts, ...more },
              'the upload of a media was never quiet: its parts are left to VOD',
            );
          });
          return;
        case 'failed':
          bursts.tell(`failed ${code ?? row}`, (more) => {
            log.error(
              { ...facts, ...more },
              'the follow-up failed and is a dead letter: mend the reason, then replay it',
            );
          });
      }
    },
    /** It was handed out once more, though what became of it is stored: nothing is called. */
    followUpKnown: ({ mediaId, eventId, source }: FollowUp) => {
      ledger.followedUp('already-settled');
      const facts = { mediaId: mediaId.slice(0, maxMediaIdLength), eventId, source };
      bursts.tell('known', (more) => {
        log.info({ ...facts, ...more }, 'a follow-up came once more that has its outcome: nothing is called');
      });
    },
    outcomeLookUpFailed: (error: unknown) => {
      const facts = errorFacts(error);
      failed('LookUp', natsReason((error as Error).message));
      once.tell('look-up', codeOf(error), (more) => {
        log.error(
          { ...facts, ...more },
          'the outcomes in NATS cannot be looked up: what may have been called on before is not called on, and tried again; the user needs $JS.API.STREAM.MSG.GET on their stream (deploy/nats)',
        );
      });
    },
    outcomesLookedUp: () => {
      once.over('look-up', (failures) => {
        log.info({ failures }, 'the outcomes in NATS can be looked up again');
      });
    },
    /** The clock of this machine was compared: it is this far ahead of another. */
    clockCompared: (of: string, aheadMs: number) => {
      const aheadSeconds = Math.round(aheadMs / 1000);
      if (Math.abs(aheadMs) < clocksApartMs) {
        known.clocks.delete(of);
        once.over(`clock ${of}`, () => {
          log.info({ of }, 'the clock of this machine agrees with the other again');
        });
        return;
      }
      known.clocks.set(of, aheadSeconds);
      once.tell(`clock ${of}`, 'apart', (more) => {
        log.error(
          { of, aheadSeconds, ...more },
          `the clock of this machine is not that of ${of}: nothing is called or given up before both say so; set the clock that is off (NTP)`,
        );
      });
    },
    followUpUnreadable: (subject: string) => {
      metrics.followUpUnreadable();
      bursts.tell('unreadable', (more) => {
        log.warn(
          { subject, ...more },
          'a message in the stream is no event of this program: it is a dead letter now',
        );
      });
    },
    permitsSlowed: (account: string, awayMs: number) => {
      known.slowed.add(account);
      metrics.slowed(account, true);
      once.tell(`throttled ${account}`, 'throttled', (more) => {
        log.warn(
          { account, awayMs, ...more },
          'VOD refuses calls over the quota of the account: calling more slowly; lower followUp.callsPerSecond if it lasts',
        );
      });
    },
    permitsRestored: (account: string) => {
      known.slowed.delete(account);
      metrics.slowed(account, false);
      once.over(`throttled ${account}`, (refused) => {
        log.info({ account, refused }, 'VOD refuses no more calls: back to the usual rate');
      });
    },
    followUpBacklog: (waiting: number, oldestMs: number, retentionMs: number) => {
      known.backlog = { waiting, oldestMs };
      const hours = (ms: number): number => Math.round((ms / hourMs) * 10) / 10;
      const facts = { waiting, oldestHours: hours(oldestMs), retentionHours: hours(retentionMs) };
      if (oldestMs > retentionMs / 2) {
        const twentieths = Math.floor((oldestMs / retentionMs) * 20);
        once.tell('backlog', String(twentieths), () => {
          log.error(
            facts,
            'events wait for their follow-up for more than half of the time that the stream keeps them: they are lost to it after that; raise nats.retention.events, or find what holds the follow-up up',
          );
        });
      } else {
        once.over('backlog', () => {
          log.info(facts, 'the backlog of follow-ups is no longer old');
        });
      }
    },
    jobFailed: (durable: string, error: unknown, retryInMs: number) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown';
      metrics.followUpCrashed();
      failed('Bug', error instanceof Error ? error.name : 'unknown');
      once.tell(`job ${durable}`, error instanceof Error ? error.message : text, (more) => {
        log.error(
          { consumer: durable, error: text, retryInMs, ...more },
          'a follow-up failed in a way that nobody foresaw: it is taken up again; please report this',
        );
      });
    },
  };
}
