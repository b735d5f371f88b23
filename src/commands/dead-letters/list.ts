import { Command } from 'commander';
import { withConfig } from '../config-option.js';
import { wholeNumber } from '../selection-options.js';
import { letterFacts, letterLine, listHead } from './layout.js';
import {
  selectDeadLetters,
  withFilters,
  withSession,
  type DeadLettersIo,
  type FilterFlags,
} from './session.js';

interface ListFlags extends FilterFlags {
  config: string[];
  pageSize: number;
  after?: number;
  all?: boolean;
  json?: boolean;
}

/** `dead-letters list`: one page, or with `--all` everything as it is read. */
export function listCommand(io: DeadLettersIo): Command {
  const command = withFilters(withConfig(new Command('list')))
    .description('list dead letters, the oldest first')
    .option('--page-size <number>', 'so many at a time', wholeNumber, 50)
    .option('--after <id>', 'the page after this dead letter', wholeNumber)
    .option('--all', 'all pages at once')
    .option('--json', 'one line of JSON for each');
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ vod-relay dead-letters list --config relay.yaml
  $ vod-relay dead-letters list --config relay.yaml --queue vod-events --code not-json --since 2h
  $ vod-relay dead-letters list --config relay.yaml --media-id 43b689jsi3ka5422dfe1e47 --all --json`,
    )
    .action((flags: ListFlags) => list(io, flags));
}

async function list(io: DeadLettersIo, flags: ListFlags): Promise<void> {
  const { config, pageSize, after = 0, all = false, json = false } = flags;
  await withSession(io, config, async (session) => {
    let listed = 0;
    let lastId = after;
    let isMore = false;
    for await (const letter of selectDeadLetters(session, flags, after + 1)) {
      isMore = !all && listed === pageSize;
      if (isMore) break;
      if (!json && listed === 0) await io.write(listHead);
      await io.write(json ? `${JSON.stringify(letterFacts(letter))}\n` : letterLine(letter));
      listed++;
      lastId = letter.id;
    }
    io.note(listed === 1 ? '1 dead letter' : `${listed} dead letters`);
    if (isMore) io.note(`Next page: ${nextPage(io.args, lastId)}`);
  });
}

/** The same command for what comes after this id. */
function nextPage(args: readonly string[], lastId: number): string {
  const others = args.filter(
    (arg, index) => arg !== '--after' && args[index - 1] !== '--after' && !arg.startsWith('--after='),
  );
  return ['vod-relay', ...others.map(shellWord), '--after', lastId].join(' ');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
