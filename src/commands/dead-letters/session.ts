import { Option, type Command } from 'commander';
import type { Config } from '../../config/config.js';
import type { Environment } from '../../config/read/environment.js';
import { loadConfig } from '../../config/load.js';
import { deadLetterCodes, type DeadLetterCode } from '../../event/dead-letter-code.js';
import { createLog } from '../../operate/log.js';
import { createCommandTelemetry } from '../../operate/telemetry.js';
import { Store } from '../../nats/store.js';
import type { StreamReader } from '../../nats/streams/reader.js';
import { readDeadLetters, type StoredDeadLetter } from '../../replay/dead-letter-stream.js';
import { selectsDeadLetter } from '../../replay/read-dead-letter.js';
import type { Selection } from '../../replay/selection.js';
import { systemClock } from '../../time.js';
import type { StopSignals } from '../run.js';
import { toSelection, withSelection, type SelectionFlags } from '../selection-options.js';

/** The parts of the process that the commands need. */
export interface DeadLettersIo {
  readonly env: Environment;
  /** The arguments after `vod-relay`. */
  readonly args: readonly string[];
  /** Resolves when more can be written. */
  write(text: string | Uint8Array): Promise<void>;
  /** For people: what is not part of the answer. */
  note(line: string): void;
  /** Asks whoever sits at the terminal. @returns undefined when nobody does. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
  listen: () => StopSignals;
}

/** The session of a command while it is connected. */
export interface Session {
  readonly config: Config;
  readonly reader: StreamReader;
  readonly signal: AbortSignal;
}

export interface FilterFlags extends SelectionFlags {
  queue?: string;
  code?: DeadLetterCode;
  done?: boolean;
}

export function withFilters(command: Command): Command {
  withSelection(command, 'became a dead letter')
    .option('--queue <name>', 'from this queue')
    .addOption(new Option('--code <code>', 'with this code').choices(Object.keys(deadLetterCodes)))
    .option('--done', 'those that a replay has marked as done, in place of the open ones');
  return command;
}

/**
 * Connects, works, and closes. Problems with NATS are told on standard error.
 * @throws Error `stopped` when a signal came first, ConfigError, and what the work throws.
 */
export async function withSession(
  io: DeadLettersIo,
  files: readonly string[],
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const config = loadConfig({ files, env: io.env });
  const { stop: signal } = io.listen();
  const log = createLog('warn', {
    write: (line) => {
      io.note(line.trimEnd());
    },
  });
  const store = await Store.open(config.nats, systemClock, createCommandTelemetry(log, systemClock), signal);
  try {
    if (store) await work({ config, reader: store.reader(), signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await store?.close();
  }
  if (signal.aborted) throw new Error('stopped before the end');
}

/** The dead letters that the flags mean, oldest first, in constant memory. */
export async function* selectDeadLetters(
  { config, reader, signal }: Session,
  flags: FilterFlags,
  fromId?: number,
): AsyncGenerator<StoredDeadLetter, void, undefined> {
  const { queue, code, done } = flags;
  const selection: Selection = toSelection(flags);
  const query = { prefix: config.nats.prefix, queue, code, done, fromId, sinceMs: selection.sinceMs };
  let left = selection.limit ?? Infinity;
  for await (const letter of readDeadLetters(reader, query, signal)) {
    if (!selectsDeadLetter(selection, letter)) continue;
    yield letter;
    if (--left === 0) return;
  }
}
