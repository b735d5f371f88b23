/**
 * Writes the last text to standard output and ends the process, as only commands may. What it began cannot be
 * waited for: a dial, a poll or a source of credentials that nobody answers would keep it alive for minutes.
 */
export async function finish(text: string, exitCode: 0 | 1): Promise<never> {
  await new Promise<void>((resolve) => {
    process.stdout.write(text, (error) => {
      if (error) outputFailed(error);
      resolve();
    });
  });
  process.exit(exitCode);
}

/** As a shell reports a process that SIGPIPE ended. */
const exitPipe = 141;

/**
 * Ends a command at once when its standard output cannot be written: it could tell nothing more.
 * A closed pipe ends it silently, as its reader has seen enough.
 */
export function outputFailed({ code, message }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit(exitPipe);
  process.stderr.write(`vod-relay: standard output cannot be written: ${message}\n`);
  process.exit(1);
}
