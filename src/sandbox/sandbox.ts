import { randomInt } from 'node:crypto';
import { systemClock, type Clock } from '../time.js';
import { createControlHandler, isControlTarget } from './control/routes.js';
import type { QueueSpec, SandboxCredential } from './control/types.js';
import { FaultRules } from './faults/rules.js';
import { listen } from './http/server.js';
import { MnsAccount } from './mns/account.js';
import { createMnsHandler } from './mns/handler.js';
import { seededRandom } from './random.js';
import { createActions, type SandboxActions } from './control/actions.js';
import { VodAccount } from './vod/account.js';
import { createVodHandler } from './vod/handler.js';
import { isVodTarget } from './vod/request.js';

export interface SandboxOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /**
   * Default 127.0.0.1. Anything but loopback is refused unless `allowRemote` is set: the control endpoint is
   * open.
   */
  host?: string;
  allowRemote?: boolean;
  accountId?: string;
  /** Keys that requests may be signed with; default one pair. The first is the one the sandbox tells of. */
  credentials?: readonly SandboxCredential[];
  /** Queues that exist from the start. */
  queues?: readonly (string | QueueSpec)[];
  /** Makes all random choices repeatable; default: a random seed, which the sandbox tells. */
  seed?: number;
  clock?: Clock;
  /** With false, receipt handles contain `+` and `/`; default true. */
  urlSafeHandles?: boolean;
  /** Hands out messages of one priority in random order; default false. */
  shuffle?: boolean;
  /**
   * Empty polls end early by a third of this part of their wait up to all of it; default 0.2, as the service
   * does.
   */
  pollsEndEarlyBy?: number;
  /** Messages remembered for the history, by queue, and calls of VOD; default 250,000. */
  historyLimit?: number;
  /** The queue VOD writes its events into; default: it writes none. */
  vodEventQueue?: string;
}

/** A sandbox that listens. */
export interface Sandbox {
  /**
   * The endpoint for clients of MNS and of VOD, without a slash at the end; the control endpoint is
   * `/sandbox/` under it.
   */
  url: string;
  port: number;
  accountId: string;
  accessKeyId: string;
  accessKeySecret: string;
  seed: number;
  /** The actions of the control endpoint, without HTTP. */
  actions: SandboxActions;
  /** Ends all polls, tries and connections and frees the port. */
  close: () => Promise<void>;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
const maximumRequestBytes = 1024 * 1024;
const maximumFeedBytes = 512 * 1024 * 1024;

/**
 * Starts a local MNS and VOD.
 * @throws Error if the host is not loopback, or the port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', seed = randomInt(2 ** 31) } = options;
  if (!loopback.test(host) && options.allowRemote !== true) {
    throw new Error(`The sandbox listens on loopback only, not on ${host}: whoever reaches it controls it`);
  }
  const credentials = [
    ...(options.credentials ?? [{ accessKeyId: 'sandbox', accessKeySecret: 'sandbox-secret' }]),
  ];
  const [told] = credentials;
  if (told === undefined) throw new Error('The sandbox needs at least one credential');
  const accountId = options.accountId ?? '1000000000000001';
  const historyLimit = options.historyLimit ?? 250_000;
  const account = new MnsAccount({
    accountId,
    credentials,
    seed,
    clock: options.clock ?? systemClock,
    faults: new FaultRules(seededRandom(seed)),
    urlSafeHandles: options.urlSafeHandles ?? true,
    shuffle: options.shuffle ?? false,
    pollsEndEarlyBy: options.pollsEndEarlyBy ?? 0.2,
    historyLimit,
  });
  const vod = new VodAccount(account, options.vodEventQueue, historyLimit);
  for (const queue of options.queues ?? []) {
    account.createFromSpec(typeof queue === 'string' ? { name: queue } : queue);
  }
  const actions = createActions(account, vod, seed);
  const server = await listen(host, options.port ?? 0, [
    {
      accepts: isControlTarget,
      maximumBodyBytes: maximumFeedBytes,
      handle: createControlHandler(actions),
    },
    {
      accepts: isVodTarget,
      maximumBodyBytes: maximumRequestBytes,
      handle: createVodHandler(vod),
    },
    {
      accepts: () => true,
      maximumBodyBytes: maximumRequestBytes,
      handle: createMnsHandler(account, () => url),
    },
  ]);
  const url = `http://${server.host}:${server.port}`;
  return {
    url,
    port: server.port,
    accountId,
    accessKeyId: told.accessKeyId,
    accessKeySecret: told.accessKeySecret,
    seed,
    actions,
    async close() {
      account.deleteAll();
      vod.reset();
      await server.close();
    },
  };
}
