import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import { codeOf, errorFacts, maxMediaIdLength } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

const hourMs = 3_600_000;
/** Clocks that are further apart are told of. */
const clocksApartMs = 60_000;

/** The events of the follow-up half: a part of `createTelemetry`. */
export function createFollowUpTelemetry({
  say,
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
      say(outcome === 'postponed' ? 'followUpPostponed' : 'followUpSettled', facts);
      switch (outcome) {
        case 'deleted':
        case 'nothing-to-delete':
          once.over(`calls ${source}`, (times) => {
            say('vodCallRecovered', { source, times });
          });
          return;
        case 'skipped':
          return;
        case 'postponed':
          if (code === undefined) return;
          once.tell(`calls ${source}`, code, (more) => {
            say('vodCallFailed', { ...facts, ...more });
          });
          return;
        case 'blocked':
          bursts.tell(`blocked ${code ?? row}`, (more) => {
            say('followUpBlocked', { ...facts, ...more });
          });
          return;
        case 'unknown':
          bursts.tell(`unknown ${row}`, (more) => {
            say('followUpUnknown', { ...facts, ...more });
          });
          return;
        case 'given-up':
          bursts.tell('given-up', (more) => {
            say('followUpGivenUp', { ...facts, ...more });
          });
          return;
        case 'failed':
          bursts.tell(`failed ${code ?? row}`, (more) => {
            say('followUpFailed', { ...facts, ...more });
          });
      }
    },
    /** It was handed out once more, though what became of it is stored: nothing is called. */
    followUpKnown: ({ mediaId, eventId, source }: FollowUp) => {
      ledger.followedUp('already-settled');
      const facts = { mediaId: mediaId.slice(0, maxMediaIdLength), eventId, source };
      bursts.tell('known', (more) => {
        say('followUpKnown', { ...facts, ...more });
      });
    },
    outcomeLookUpFailed: (reason: string, error: unknown) => {
      const facts = errorFacts(error);
      failed('LookUp', reason);
      once.tell('look-up', codeOf(error), (more) => {
        say('outcomeLookUpFailed', { ...facts, ...more });
      });
    },
    outcomesLookedUp: () => {
      once.over('look-up', (failures) => {
        say('outcomeLookUpRecovered', { failures });
      });
    },
    /** The clock of this machine was compared: it is this far ahead of another. */
    clockCompared: (of: string, aheadMs: number) => {
      const aheadSeconds = Math.round(aheadMs / 1000);
      metrics.clockAhead(of, aheadSeconds);
      if (Math.abs(aheadMs) < clocksApartMs) {
        known.clocks.delete(of);
        once.over(`clock ${of}`, () => {
          say('clocksAgree', { of });
        });
        return;
      }
      known.clocks.set(of, aheadSeconds);
      once.tell(`clock ${of}`, 'apart', (more) => {
        say('clocksDiffer', { of, aheadSeconds, ...more });
      });
    },
    followUpUnreadable: (subject: string) => {
      metrics.followUpUnreadable();
      bursts.tell('unreadable', (more) => {
        say('followUpUnreadable', { subject, ...more });
      });
    },
    permitsSlowed: (account: string, awayMs: number) => {
      known.slowed.add(account);
      metrics.slowed(account, true);
      once.tell(`throttled ${account}`, 'throttled', (more) => {
        say('vodQuotaReached', { account, awayMs, ...more });
      });
    },
    permitsRestored: (account: string) => {
      known.slowed.delete(account);
      metrics.slowed(account, false);
      once.over(`throttled ${account}`, (refused) => {
        say('vodQuotaRecovered', { account, refused });
      });
    },
    followUpBacklog: (waiting: number, oldestMs: number, retentionMs: number) => {
      known.backlog = { waiting, oldestMs };
      const hours = (ms: number): number => Math.round((ms / hourMs) * 10) / 10;
      const facts = { waiting, oldestHours: hours(oldestMs), retentionHours: hours(retentionMs) };
      if (oldestMs > retentionMs / 2) {
        const twentieths = Math.floor((oldestMs / retentionMs) * 20);
        once.tell('backlog', String(twentieths), () => {
          say('backlogOld', facts);
        });
      } else {
        once.over('backlog', () => {
          say('backlogRecovered', facts);
        });
      }
    },
    jobFailed: (durable: string, error: unknown, retryInMs: number) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown';
      metrics.followUpCrashed();
      failed('Bug', error instanceof Error ? error.name : 'unknown');
      once.tell(`job ${durable}`, error instanceof Error ? error.message : text, (more) => {
        say('followUpCrashed', { consumer: durable, error: text, retryInMs, ...more });
      });
    },
  };
}
