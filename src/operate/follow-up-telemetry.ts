import type { FollowUp, FollowUpResult } from '../event/follow-up.js';
import { natsReason } from './error-facts.js';
import type { TelemetryParts } from './telemetry-parts.js';

const hourMs = 3_600_000;
/** Of a media id, which may be 64 KiB long, no more than this is in a line. */
const maxIdLength = 200;

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
  /** Consumers from which follow-ups came at least once. */
  const begun = new Set<string>();
  const failed = (code: string, message: string): void => {
    known.trouble = { code, message, atMs: clock.now() };
  };
  /** NATS is away, which has a line of its own: what follows from that needs none. */
  const isNatsAway = (): boolean => !state.nats.connected || state.nats.closed?.isReady === false;

  return {
    /** VOD answered, or failed to. */
    vodCalled: (operation: string, result: string, durationMs: number) => {
      metrics.vodCalled(operation, result, durationMs);
    },
    followUpSettled: (followUp: FollowUp, { outcome, row, reason, attempts, ...more }: FollowUpResult) => {
      const { eventId, source, queue } = followUp;
      const mediaId = followUp.mediaId.slice(0, maxIdLength);
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
    jobQueueFailed: (durable: string, reason: string, retryInMs: number) => {
      const words = natsReason(reason);
      known.consumers.set(durable, words);
      failed('Consumer', words);
      if (isNatsAway()) return;
      once.tell(`jobs ${durable}`, reason, (more) => {
        log.error(
          { consumer: durable, reason: words, retryInMs, ...more },
          'no follow-ups come from the stream: trying again',
        );
      });
    },
    jobQueueRunning: (durable: string) => {
      known.consumers.set(durable, undefined);
      state.startTrouble = undefined;
      if (begun.has(durable)) {
        once.over(`jobs ${durable}`, (failures) => {
          log.info({ consumer: durable, failures }, 'taking follow-ups from the stream again');
        });
      } else {
        begun.add(durable);
        once.forget(`jobs ${durable}`);
        log.info({ consumer: durable }, 'taking follow-ups from the stream');
      }
    },
    jobFailed: (durable: string, error: unknown, retryInMs: number) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown';
      metrics.followUpCrashed();
      failed('Bug', error instanceof Error ? error.name : 'unknown');
      bursts.tell(`job ${durable}`, (more) => {
        log.error(
          { consumer: durable, error: text, retryInMs, ...more },
          'a follow-up failed in a way that nobody foresaw: it is taken up again; please report this',
        );
      });
    },
    permitsFailed: (account: string, reason: string, retryInMs: number) => {
      const words = natsReason(reason);
      failed('Permits', words);
      if (isNatsAway()) return;
      once.tell(`permits ${account}`, reason, (more) => {
        log.error(
          { account, reason: words, retryInMs, ...more },
          'the shared rate of calls to VOD is not available in NATS: no calls are made; trying again',
        );
      });
    },
  };
}
