import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { processEnvironment } from '../../config/load.js';
import type { StopSignals } from '../run.js';
import { discardCommand } from './discard.js';
import { exportCommand } from './export.js';
import { listCommand } from './list.js';
import type { DeadLettersIo } from './session.js';
import { showCommand } from './show.js';

/**
 * `vod-relay dead-letters list | show | export | discard`: what VOD_DEAD_LETTERS holds. Exits 0 when all was
 * done.
 */
export function deadLettersCommand(
  listen: () => StopSignals,
  io: DeadLettersIo = { ...terminal(), listen },
): Command {
  return new Command('dead-letters')
    .addCommand(listCommand(io))
    .addCommand(showCommand(io))
    .addCommand(exportCommand(io))
    .addCommand(discardCommand(io));
}

function terminal(): Omit<DeadLettersIo, 'listen'> {
  const { stdin, stdout, stderr } = process;
  return {
    env: processEnvironment(),
    args: process.argv.slice(2),
    write: (text) => writeTo(stdout, text),
    note(line) {
      stderr.write(`${line}\n`);
    },
    async ask(question, signal) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      // Not as a terminal: Ctrl-C then reaches the process.
      const lines = createInterface({ input: stdin, output: stderr, terminal: false });
      try {
        return await lines.question(question, { signal });
      } finally {
        lines.close();
      }
    },
  };
}

/** @throws Error when nobody reads any more. */
async function writeTo(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error): void => {
      reject(new Error('standard output was closed', { cause }));
    };
    stream.once('error', fail);
    stream.write(text, (error) => {
      if (error) return;
      stream.removeListener('error', fail);
      resolve();
    });
  });
}
