import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const script =
  "process.on('exit', () => require('fs').writeSync(2, `peak ${process.resourceUsage().maxRSS} KiB\\n`));";

/** Flags for node with which a process tells, at its end, the most memory that it had. */
export async function peakFlags(folder: string): Promise<string[]> {
  const file = join(folder, 'peak.cjs');
  await writeFile(file, script);
  return ['--require', file];
}

/** The most memory that the process had, in bytes; undefined when it did not come to its end. */
export function peakBytes(stderr: string): number | undefined {
  const [, kibibytes] = /^peak (\d+) KiB$/m.exec(stderr) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
