import { InvalidArgumentError, type Command } from 'commander';
import { collect, withConfig } from '../config-option.js';
import type { ReplayPlan } from '../../replay/plan.js';
import type { Selection } from '../../replay/selection.js';
import { toSelection, wholeNumber, withSelection, type SelectionFlags } from '../selection-options.js';

/** The options as a person typed them. */
export interface ReplayFlags extends SelectionFlags {
  readonly config: readonly string[];
  readonly queue: readonly string[];
  readonly deadLetters?: true;
  readonly events?: true;
  readonly code?: string;
  readonly followUp?: true;
  readonly again?: true;
  readonly to?: string;
  readonly keep?: true;
  readonly rate?: number;
  readonly dryRun?: true;
  readonly resume?: string;
  readonly json?: true;
}

const defaultRate = 100;
/** A dry run only reads. */
const defaultDryRunRate = 1_000;
/** They say how to run, not what to replay. */
const allowedWithResume = ['config', 'resume', 'json'];

const examples = `
Examples:
  See what a dead-letter queue would bring; nothing is changed:
  $ vod-relay replay --config relay.yaml --queue vod-events-dlq --dry-run

  Publish it, and delete from the queue what is stored:
  $ vod-relay replay --config relay.yaml --queue vod-events-dlq

  Decode dead letters again, after the configuration or the decoder changed:
  $ vod-relay replay --config relay.yaml --dead-letters --code foreign-refused

  Send the events of two hours again, to one service that asked for them:
  $ vod-relay replay --config relay.yaml --events --since 2h --to vod.replay.thumbnails

  Follow up the deletions of a day again, after followUp.policy changed:
  $ vod-relay replay --config relay.yaml --events --since 24h --follow-up

  Send the events of one media again, to everyone:
  $ vod-relay replay --config relay.yaml --events --media-id 1234343b --again

Exit code: 0 when everything that was selected is settled; 1 when something failed, is in doubt, could not be
deleted from its queue or was not looked at, and when the replay was stopped.`;

export function addReplayOptions(command: Command): Command {
  withConfig(command)
    .option(
      '--queue <name>',
      'a queue of mode replay; repeatable, else all (of dead letters: one)',
      collect,
      [],
    )
    .option('--dead-letters', 'decode what VOD_DEAD_LETTERS holds again; mark done what is now published')
    .option('--events', 'publish events that are in VOD_EVENTS already')
    .option('--follow-up', 'with --events: publish none, have them followed up by the plan of today')
    .option('--code <code>', 'dead letters with this code');
  return withSelection(command, 'enqueued, dead-lettered or happened')
    .option('--dry-run', 'count what would happen, and change nothing')
    .option(
      '--rate <number>',
      `selected messages a second (default ${defaultRate}; dry run ${defaultDryRunRate})`,
      wholeNumber,
    )
    .option('--again', 'publish even what the stream has, marked with the attribute replayid')
    .option(
      '--to <prefix>',
      'send to <prefix>.event.… instead, marked likewise; the source stays as it is',
      subjectPrefix,
    )
    .option('--keep', 'leave queue messages and dead letters as they are')
    .option('--resume <id>', 'go on with a replay that was stopped or killed', replayId)
    .option('--json', 'print the result as one line of JSON')
    .addHelpText('after', examples);
}

/** @throws Error when options do not go together. */
export function planOf(flags: ReplayFlags): ReplayPlan {
  const {
    deadLetters = false,
    events = false,
    queue,
    code,
    dryRun = false,
    followUp = false,
    again = false,
    to,
    keep = false,
  } = flags;
  if (deadLetters && events) throw new Error('--dead-letters and --events are two replays: choose one');
  if (events && queue.length > 0)
    throw new Error('--queue is for queues and --dead-letters, not for --events');
  if (deadLetters && queue.length > 1) throw new Error('--dead-letters takes one --queue');
  if (!deadLetters && code !== undefined) throw new Error('--code is for --dead-letters');
  if (followUp && !events) throw new Error('--follow-up is for --events');
  if (followUp && (again || to !== undefined)) {
    throw new Error('--follow-up goes to the follow-up half only, each time anew: without --again and --to');
  }
  if (events && keep) throw new Error('--keep is for queues and --dead-letters: events always stay');
  const selection: Selection = {
    ...toSelection(flags),
    ...(code !== undefined && { code }),
    ...(deadLetters && queue[0] !== undefined && { queue: queue[0] }),
  };
  return {
    source: deadLetters ? 'dead-letters' : events ? 'events' : 'queues',
    queues: deadLetters ? [] : queue,
    selection,
    again,
    ...(to !== undefined && { to }),
    followUp,
    // Only who asked gets what goes elsewhere; for everyone else the message is still due.
    keep: keep || to !== undefined,
    rate: flags.rate ?? (dryRun ? defaultDryRunRate : defaultRate),
  };
}

/** @throws Error when an option beside `--resume` says what to replay: the checkpoint says that. */
export function checkResume(command: Command): void {
  const other = command.options.find(
    (option) =>
      !allowedWithResume.includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (other)
    throw new Error(`${other.long ?? ''} is not for --resume, which goes on with the options of that replay`);
}

function subjectPrefix(text: string): string {
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(text) && !text.startsWith('_INBOX')) return text;
  throw new InvalidArgumentError('letters, digits, - and _ in tokens joined by dots are expected');
}

function replayId(text: string): string {
  if (/^[A-Za-z0-9-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError('the id of a replay is expected, as it was printed');
}
