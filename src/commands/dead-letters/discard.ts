import { Command } from 'commander';
import { withConfig } from '../config-option.js';
import { streamNames } from '../../event/layout.js';
import {
  selectDeadLetters,
  withFilters,
  withSession,
  type DeadLettersIo,
  type FilterFlags,
  type Session,
} from './session.js';
import { wholeNumber } from '../selection-options.js';

interface DiscardFlags extends FilterFlags {
  config: string[];
  all?: boolean;
  yes?: boolean;
}

/** The letters to discard, before anyone is asked. */
interface Doomed {
  count: number;
  /** In words, for the question. */
  what: string;
  ids(): AsyncIterable<number> | Iterable<number>;
}

/** Deletions that are under way at once. */
const parallel = 64;

/** `dead-letters discard`: deletes for good, and only what was named or asked about. */
export function discardCommand(io: DeadLettersIo): Command {
  return withFilters(withConfig(new Command('discard')))
    .description('delete dead letters for good: by id, or all that filters select')
    .argument('[ids...]', 'the ids, as `list` shows them', collectIds)
    .option('--all', 'without a filter: all open ones (with --done, all done ones)')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ vod-relay dead-letters discard 17 18 --config relay.yaml
  $ vod-relay dead-letters discard --code empty-body --until 30d --config relay.yaml --yes
  $ vod-relay dead-letters discard --done --all --config relay.yaml --yes`,
    )
    .action((ids: number[], flags: DiscardFlags) => discard(io, ids, flags));
}

async function discard(io: DeadLettersIo, ids: readonly number[], flags: DiscardFlags): Promise<void> {
  const filters = describeFilters(flags);
  if (ids.length > 0 && (filters !== '' || flags.all)) throw new Error('give ids or filters, not both');
  if (ids.length === 0 && filters === '' && !flags.all) {
    throw new Error('say which: ids, filters, or --all');
  }
  await withSession(io, flags.config, async (session) => {
    const doomed = ids.length > 0 ? byId(ids) : await byFilters(session, flags, filters);
    if (doomed.count === 0) {
      io.note(`no dead letters match ${doomed.what}`);
      return;
    }
    if (!flags.yes) await confirm(io, doomed, session.signal);
    await deleteAll(io, session, doomed);
  });
}

function byId(ids: readonly number[]): Doomed {
  const distinct = new Set(ids);
  return { count: distinct.size, what: `ids ${[...distinct].join(', ')}`, ids: () => distinct };
}

/** Counts first, and goes no further than it counted: what comes in meanwhile was not asked about. */
async function byFilters(session: Session, flags: DiscardFlags, filters: string): Promise<Doomed> {
  let count = 0;
  let lastId = 0;
  for await (const { id } of selectDeadLetters(session, flags)) {
    count++;
    lastId = id;
  }
  const kind = flags.done ? 'done' : 'open';
  return {
    count,
    what: `${kind}${filters === '' ? ', all of them' : `, ${filters}`}`,
    async *ids() {
      for await (const { id } of selectDeadLetters(session, flags)) {
        if (id > lastId) return;
        yield id;
      }
    },
  };
}

async function confirm(io: DeadLettersIo, { count, what }: Doomed, signal: AbortSignal): Promise<void> {
  const answer = await io.ask(`Delete ${count} dead letters (${what}) for good? [y/N] `, signal);
  if (answer === undefined) {
    throw new Error(`${count} dead letters (${what}) would go: say --yes where nobody can be asked`);
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error('nothing was deleted');
}

async function deleteAll(
  io: DeadLettersIo,
  { config, reader, signal }: Session,
  doomed: Doomed,
): Promise<void> {
  const stream = streamNames(config.nats.prefix).deadLetters;
  let deleted = 0;
  let missing = 0;
  const remove = async (id: number): Promise<void> => {
    if (await reader.remove(stream, id, signal)) deleted++;
    else missing++;
  };
  try {
    let batch: number[] = [];
    for await (const id of doomed.ids()) {
      batch.push(id);
      if (batch.length < parallel) continue;
      await Promise.all(batch.map(remove));
      batch = [];
    }
    await Promise.all(batch.map(remove));
  } finally {
    io.note(`deleted ${deleted}${missing === 0 ? '' : `, not there ${missing}`}`);
  }
  if (missing > 0) throw new Error('not all of them were there');
}

function describeFilters({ since, until, ...flags }: DiscardFlags): string {
  const { queue, code, mediaId, status, mediaType, deleteType, eventType, limit } = flags;
  const filters = {
    since: since === undefined ? undefined : new Date(since).toISOString(),
    until: until === undefined ? undefined : new Date(until).toISOString(),
    queue,
    code,
    'media id': mediaId,
    status,
    'media type': mediaType,
    'delete type': deleteType,
    'event type': eventType,
    limit,
  };
  return Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value ?? ''}`)
    .join(', ');
}

function collectIds(text: string, ids: number[] | undefined): number[] {
  return [...(ids ?? []), wholeNumber(text)];
}
