import type { Test } from 'tap';
import { CredentialsCache, providersOf, type CredentialsProvider } from '../../src/aliyun/credentials.js';
import { MnsClient, type MnsClientOptions } from '../../src/receive/mns-client.js';
import { Queue } from '../../src/receive/queue.js';
import type { QueueState } from '../../src/sandbox/control/types.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.js';
import { systemClock } from '../../src/time.js';

export interface OpenOptions {
  sandbox?: SandboxOptions;
  client?: Partial<MnsClientOptions>;
  /** Default: the static key of the sandbox. */
  provider?: () => CredentialsProvider;
}

export interface OpenQueue {
  sandbox: Sandbox;
  client: MnsClient;
  queue: Queue;
  credentials: CredentialsCache;
  state: () => QueueState;
}

/** A sandbox with a queue named `orders`, and our client for it over a real socket. */
export async function openQueue(test: Test, options: OpenOptions = {}): Promise<OpenQueue> {
  const sandbox = await startSandbox({ seed: 5, queues: ['orders'], ...options.sandbox });
  const { url: endpoint, accountId: account, accessKeyId, accessKeySecret } = sandbox;
  const ownKey = () => providersOf({ type: 'access_key', accessKeyId, accessKeySecret })();
  const credentials = new CredentialsCache(options.provider ?? ownKey, systemClock);
  const client = new MnsClient({ endpoint, account, credentials, clock: systemClock, ...options.client });
  test.teardown(async () => {
    await client.close();
    await sandbox.close();
  });
  return {
    sandbox,
    client,
    queue: new Queue('orders', client),
    credentials,
    state() {
      const state = sandbox.actions.state().queues['orders'];
      if (state === undefined) throw new Error('the queue is gone');
      return state;
    },
  };
}

/** A signal nobody aborts. */
export const never = new AbortController().signal;
