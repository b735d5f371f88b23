import type { Config } from '../config/config.js';
import { NatsFacts, NatsFault, type ServerFacts } from '../nats/facts/nats.js';
import { inboxPrefix } from '../nats/connection.js';
import { largestPublicationBytes } from '../nats/publish/largest-publication.js';
import { connectFaultOf, type ConnectFault } from '../nats/words.js';
import type { Check, Finding } from './check.js';

/** The checks of NATS itself, and what others build on. */
export interface NatsChecks {
  checks: Check[];
  connection: Check;
  jetStream: Check;
  /** Resolves once `connection` has passed. */
  facts: () => NatsFacts;
  close: () => Promise<void>;
}

const area = 'NATS';
/** The oldest that the worker is tested with. */
const oldestVersion = [2, 9, 10];
const fullShare = 0.8;

/** Connection, server, replies, JetStream. */
export function natsChecks({ nats }: Config): NatsChecks {
  let opened: NatsFacts | undefined;
  const facts = (): NatsFacts => {
    if (!opened) throw new Error('NATS is not connected');
    return opened;
  };
  const connection: Check = {
    area,
    id: 'connection',
    run: async (signal) => {
      try {
        opened = await NatsFacts.open(nats, signal);
      } catch (error) {
        return connectFailure(nats.servers, error as NodeJS.ErrnoException);
      }
      const pass: Finding = { status: 'pass', what: `connected to ${opened.server.url}` };
      return [pass, ...plainText(nats)];
    },
  };
  const server: Check = {
    area,
    id: 'server',
    needs: [connection],
    run: () => Promise.resolve(serverFindings(facts().server)),
  };
  const replies: Check = {
    area,
    id: 'replies',
    needs: [connection],
    run: async () =>
      await orNatsFault(async () => {
        await facts().publishPermissions();
        return { status: 'pass', what: 'arrive' };
      }),
  };
  const jetStream: Check = {
    area,
    id: 'jetstream',
    needs: [replies],
    run: async () =>
      await orNatsFault(async () => {
        const { storageBytes, maxStorageBytes } = await facts().account();
        const enabled: Finding = { status: 'pass', what: 'enabled for the account' };
        return [enabled, ...storageFindings(storageBytes, maxStorageBytes)];
      }),
  };
  const syncInterval: Check = {
    area,
    id: 'sync-interval',
    needs: [jetStream],
    run: () =>
      Promise.resolve({
        status: 'info',
        what: 'a PubAck may come up to sync_interval (2m) before the event is on disk: clients cannot see it',
        remedy:
          'see `curl http://SERVER:8222/varz`; with one replica, set jetstream { sync_interval: always }',
      }),
  };
  return {
    checks: [connection, server, replies, jetStream, syncInterval],
    connection,
    jetStream,
    facts,
    close: async () => {
      await opened?.close();
    },
  };
}

/**
 * A question that NATS does not answer: a problem, or a note where `run` does without the missing permission.
 */
export async function orNatsFault(
  look: () => Promise<Finding | readonly Finding[]>,
): Promise<Finding | readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof NatsFault)) throw error;
    const what = error.message;
    switch (error.reason) {
      case 'no-inbox':
        return { status: 'fail', what, remedy: `grant the NATS user to subscribe to "${inboxPrefix}.>"` };
      case 'no-jetstream':
        return {
          status: 'fail',
          what,
          remedy:
            'set `jetstream {}` in the configuration of the server, and `jetstream: enabled` for the account',
        };
      case 'no-answer':
        return {
          status: 'fail',
          what,
          remedy: 'see the log and `nats server report jetstream` of the cluster',
        };
      case 'not-permitted':
        return { status: 'info', what: `cannot be looked at: ${what}`, remedy: grant(what) };
    }
  }
}

function grant(violation: string): string {
  const subject = /"([^"]+)"/.exec(violation)?.[1];
  return subject === undefined
    ? 'grant the NATS user what it is refused'
    : `grant the NATS user to publish to "${subject}", or look with an account that may`;
}

function connectFailure(servers: readonly string[], error: NodeJS.ErrnoException): Finding {
  const { code = '', message } = error;
  const said = code === '' || code === message ? message : `${code}: ${message}`;
  const remedy = connectRemedies[connectFaultOf(error)];
  return { status: 'fail', what: `${servers.join(', ')}: ${said}`, remedy };
}

const connectRemedies: Readonly<Record<ConnectFault, string>> = {
  credentials: 'correct nats.auth: the server does not know this user or password',
  refused: 'start the nats-server there, or correct nats.servers',
  file: 'see that the files of nats.auth and nats.tls exist and can be read',
  'no-tls': 'the server offers no TLS: set `tls {}` in its configuration, or correct nats.servers',
  'host-of-certificate': 'name in nats.servers a host that the certificate of the server is for',
  certificate: 'set nats.tls.caFile to the authority of the server’s certificate',
  name: 'correct the host in nats.servers, or the DNS servers of this machine',
  'no-answer':
    'correct nats.servers; a server that verifies clients wants nats.tls.certFile and nats.tls.keyFile',
  other: 'correct nats.servers, and see that the network lets us there',
};

function plainText({ allowPlaintext, servers }: Config['nats']): Finding[] {
  if (!allowPlaintext || !servers.some((server) => server.startsWith('nats:'))) return [];
  return [
    {
      id: 'tls',
      status: 'warn',
      what: 'plain NATS: events and passwords can be read on the way',
      remedy: 'nats.servers with tls:// URLs, and nats.allowPlaintext: false',
    },
  ];
}

/** The problems of the server; one row that all is well when there are none. */
export function serverFindings({
  version,
  maxPayloadBytes,
  isClustered,
}: Pick<ServerFacts, 'version' | 'maxPayloadBytes' | 'isClustered'>): Finding[] {
  const findings: Finding[] = [];
  if (isOlder(version))
    findings.push({
      id: 'version',
      status: 'fail',
      what: `nats-server ${version} is older than ${oldestVersion.join('.')}`,
      remedy: 'run a nats-server that still gets security fixes',
    });
  if (isClustered && version.startsWith('2.10.'))
    findings.push({
      id: 'version',
      status: 'warn',
      what: `nats-server ${version} in a cluster can call a message a duplicate that it never stores: vod-relay asks the stream before it believes that, and waits ten seconds or more where a leader is cut off`,
      remedy: 'run nats-server 2.15.1 or newer, which refuses the message instead of calling it stored',
    });
  if (maxPayloadBytes < largestPublicationBytes)
    findings.push({
      id: 'max-payload',
      status: 'fail',
      what: `messages over ${maxPayloadBytes} bytes are refused, and what MNS delivers can need ${largestPublicationBytes}: nothing is received`,
      remedy: 'set max_payload in the configuration of the server to 1MB',
    });
  return findings.length > 0 ? findings : [{ status: 'pass', what: `nats-server ${version}` }];
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const index = oldestVersion.findIndex((least, place) => parts[place] !== least);
  return index >= 0 && !((parts[index] ?? 0) > (oldestVersion[index] ?? 0));
}

function storageFindings(usedBytes: number, maxBytes: number | undefined): Finding[] {
  if (maxBytes === undefined || usedBytes < fullShare * maxBytes) return [];
  return [
    {
      id: 'storage',
      status: 'warn',
      what: `${Math.floor((100 * usedBytes) / maxBytes)} % of ${maxBytes} bytes are used: when it is full nothing is received`,
      remedy: 'raise max_file of the account, or lower nats.retention and --max-age of the streams',
    },
  ];
}
