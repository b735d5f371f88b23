/**
 * Runs the demo with the nats-server that the set-up found or fetched; arguments are those of `vod-relay
 * demo`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findNatsServer, natsServer, projectRoot } from './nats-server.mjs';

const binary = process.env.NATS_URL ? undefined : findNatsServer();
const main = join(projectRoot, 'dist', 'main.js');
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', main, 'demo', ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...process.env, ...(binary && { [natsServer.variable]: binary }) } },
);
process.exitCode = status ?? 1;
