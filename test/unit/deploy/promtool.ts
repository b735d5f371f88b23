import { spawnSync } from 'node:child_process';
import { findPromtool } from '../../../deploy/local/promtool.mjs';

/** Runs promtool: whether it was content, and all that it said. */
export function promtool(...args: string[]): { ok: boolean; output: string } {
  const binary = findPromtool();
  if (binary === undefined) throw new Error('there is no promtool: run `npm run setup`');
  const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}
