const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as the configuration has them: `4d`, `90s`, `12ms`. */
export function span(ms: number): string {
  const [unit, unitMs] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1];
  return `${Math.round(ms / unitMs)}${unit}`;
}

/** As `span`, rounded to a unit that a person takes in: `5m` for 301 s. */
export function roughSpan(ms: number): string {
  const [, unitMs] = units.find(([, each]) => ms >= each) ?? ['ms', 1];
  return span(Math.round(ms / unitMs) * unitMs);
}
