import { Command, InvalidArgumentError } from 'commander';
import { collect } from './config-option.js';
import type { QueueSpec } from '../sandbox/control/types.js';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.js';

interface SandboxFlags {
  port: number;
  queue: string[];
  visibilitySeconds: number;
  vodEventQueue?: string;
  account?: string;
  seed?: number;
  json?: boolean;
}

/** `vod-relay sandbox`: a local MNS and VOD for development, until SIGINT or SIGTERM. */
export function sandboxCommand(): Command {
  return new Command('sandbox')
    .option('--port <number>', 'port on 127.0.0.1, 0 for any free one', wholeNumber, 0)
    .option('--queue <name>', 'create this queue; may be given several times', collect, [])
    .option('--visibility-seconds <number>', 'visibility timeout of these queues', wholeNumber, 30)
    .option('--vod-event-queue <name>', 'queue VOD writes its events into; created as with --queue')
    .option('--account <id>', 'account id of the sandbox')
    .option('--seed <number>', 'seed of all random choices, to repeat a run', wholeNumber)
    .option('--json', 'print one line of JSON instead of text')
    .action(run);
}

async function run(flags: SandboxFlags, command: Command): Promise<void> {
  const { vodEventQueue } = flags;
  const names = [...new Set([...flags.queue, ...(vodEventQueue === undefined ? [] : [vodEventQueue])])];
  const queues = names.map((name): QueueSpec => ({
    name,
    visibilityMs: flags.visibilitySeconds * 1000,
  }));
  const sandbox = await startSandbox({
    port: flags.port,
    queues,
    ...(vodEventQueue === undefined ? {} : { vodEventQueue }),
    ...(flags.account === undefined ? {} : { accountId: flags.account }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  });
  command
    .configureOutput()
    .writeOut?.(flags.json === true ? json(sandbox, names) : text(sandbox, names, vodEventQueue));
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await sandbox.close();
}

function json({ url, accountId, accessKeyId, accessKeySecret, seed }: Sandbox, queues: string[]): string {
  const control = `${url}/sandbox/`;
  return `${JSON.stringify({ url, accountId, accessKeyId, accessKeySecret, seed, queues, control })}\n`;
}

function text(sandbox: Sandbox, queues: string[], vodEventQueue = 'no queue: see --vod-event-queue'): string {
  const { url, accountId, accessKeyId, accessKeySecret, seed } = sandbox;
  const queue = queues[0] ?? 'QUEUE';
  return [
    `Sandbox of MNS and VOD at ${url}`,
    `  account ${accountId}, access key ${accessKeyId}, secret ${accessKeySecret}, seed ${seed}`,
    `  queues  ${queues.join(', ') || 'none yet'}; VOD writes its events into ${vodEventQueue}`,
    `State:     curl -s ${url}/sandbox/state`,
    `Send:      curl -s ${url}/sandbox/queues/${queue}/messages -d '{"messages":[{"body":"{}"}]}'`,
    `Faults:    curl -s -X PUT ${url}/sandbox/faults -d '[{"kind":"500","probability":0.1}]'`,
    `Media:     curl -s ${url}/sandbox/media -d '[{"mediaId":"m1","status":"Uploading","parts":3}]'`,
    `VOD state: curl -s ${url}/sandbox/vod-state; its calls of DeleteMultipartUpload: ${url}/sandbox/vod-calls`,
    `VOD fault: curl -s -X PUT ${url}/sandbox/faults -d '[{"kind":"vod-error","code":"InternalError","count":3}]'`,
    `No faults: curl -s -X DELETE ${url}/sandbox/faults`,
    '',
  ].join('\n');
}

function wholeNumber(value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw new InvalidArgumentError('Not a whole number.');
  return Number(value);
}
