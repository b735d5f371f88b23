import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import { findPromtool } from '../../../deploy/local/promtool.mjs';

/** The verdict of promtool, and all of its output. */
export interface Verdict {
  ok: boolean;
  output: string;
}

/** Runs promtool. */
export function promtool(...args: string[]): Verdict {
  const binary = findPromtool();
  if (binary === undefined) throw new Error('there is no promtool: run `npm run setup`');
  const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

/** Whether Prometheus takes each of these queries; it is given them as rules. */
export function checkQueries(t: Pick<Test, 'testdir'>, expressions: readonly string[]): Verdict {
  const rules = expressions.map((expr, index) => ({ record: `query_${index}`, expr }));
  const folder = t.testdir({ 'queries.yaml': stringify({ groups: [{ name: 'queries', rules }] }) });
  return promtool('check', 'rules', join(folder, 'queries.yaml'));
}
