import { open } from 'node:fs/promises';
import { Command } from 'commander';
import { withConfig } from '../config-option.js';
import type { StoredDeadLetter } from '../../replay/dead-letter-stream.js';
import { isoTime } from './layout.js';
import {
  selectDeadLetters,
  withFilters,
  withSession,
  type DeadLettersIo,
  type FilterFlags,
} from './session.js';

interface ExportFlags extends FilterFlags {
  config: string[];
  output?: string;
}

/** Characters written at once, about. */
const chunkLength = 65_536;

/** `dead-letters export`: all that there is of the dead letters, as JSON Lines. */
export function exportCommand(io: DeadLettersIo): Command {
  return withFilters(withConfig(new Command('export')))
    .description('write dead letters as JSON Lines: all headers, and the body in Base64')
    .option('--output <file>', 'a file that is not there yet, in place of standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ vod-relay dead-letters export --config relay.yaml --output dead-letters.jsonl
  $ vod-relay dead-letters export --config relay.yaml --code field-invalid | jq -r '.bodyBase64 | @base64d'`,
    )
    .action((flags: ExportFlags) => exportAll(io, flags));
}

async function exportAll(io: DeadLettersIo, flags: ExportFlags): Promise<void> {
  const { config, output } = flags;
  await withSession(io, config, async (session) => {
    // The bodies of VOD and its customers are readable by the owner of the file only.
    const file = output === undefined ? undefined : await open(output, 'wx', 0o600);
    const write = async (text: string): Promise<void> => {
      if (file) await file.appendFile(text);
      else await io.write(text);
    };
    let exported = 0;
    let chunk = '';
    try {
      for await (const letter of selectDeadLetters(session, flags)) {
        chunk += exportLine(letter);
        exported++;
        if (chunk.length < chunkLength) continue;
        await write(chunk);
        chunk = '';
      }
      await write(chunk);
    } finally {
      await file?.close();
    }
    io.note(`${exported} dead letters written${output === undefined ? '' : ` to ${output}`}`);
  });
}

function exportLine({ id, subject, timeMs, headers, body }: StoredDeadLetter): string {
  const bodyBase64 = Buffer.from(body).toString('base64');
  return `${JSON.stringify({ id, subject, time: isoTime(timeMs), headers, bodyBase64 })}\n`;
}
