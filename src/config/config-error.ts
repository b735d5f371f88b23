/**
 * The configuration cannot be used. `problems` has one line for each thing to put right, each naming its key
 * or variable; none ever holds a secret, so the whole may be printed.
 */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const heading = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`the configuration has ${heading}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
