import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigError } from '../../../src/config/config-error.js';
import type { Environment } from '../../../src/config/read/environment.js';
import { loadConfig } from '../../../src/config/load.js';

/** The smallest configuration there is, as a file would spell it. */
export function aMinimum(): { queues: [Record<string, unknown>]; credentials: object; nats: object } {
  return {
    queues: [
      {
        name: 'vod-events',
        endpoint: 'https://1.mns.cn-shanghai.aliyuncs.com',
        vod: { region: 'cn-shanghai', account: '1' },
      },
    ],
    credentials: { type: 'ecs_ram_role' },
    nats: { servers: ['tls://nats.example.com'] },
  };
}

const folder = mkdtempSync(join(tmpdir(), 'vod-relay-config-'));
let files = 0;

/** Writes a file, as JSON unless it is text already, and returns its path. */
export function aFile(content: unknown): string {
  const path = join(folder, `${++files}.yaml`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The folder that `aFile` writes to; the test removes it. */
export const scratchFolder = folder;

/** Every problem of the given sources, each file by its content. None when they load. */
export function problemsOf(
  contents: readonly unknown[],
  env: Environment = {},
  requireLive = false,
): string[] {
  try {
    loadConfig({ files: contents.map(aFile), env, requireLive });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems];
    throw error;
  }
}
