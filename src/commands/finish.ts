/**
 * Writes the last text to standard output and ends the process, as only commands may. What it began cannot be waited
 * for: a dial, a poll or a source of credentials that nobody answers would keep it alive for minutes.
 */
export async function finish(text: string, exitCode: 0 | 1): Promise<never> {
  await new Promise<void>((resolve) => {
    process.stdout.write(text, () => {
      resolve();
    });
  });
  process.exit(exitCode);
}
