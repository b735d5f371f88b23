import { Store } from '../../src/nats/store.js';
import type { StoreEvents, StoreOptions } from '../../src/nats/store-options.js';
import { systemClock, type Clock } from '../../src/time.js';

/** A store whose reports are kept. */
export interface OpenStore extends AsyncDisposable {
  store: Store;
  /** The names of the events that were reported, in order, with what they said. */
  reports: Report[];
}

export type Report = [name: keyof StoreEvents, ...details: unknown[]];

const usual: Omit<StoreOptions, 'servers'> = {
  name: 'test',
  auth: { type: 'none' },
  tls: { handshakeFirst: false },
  prefix: 'vod',
  manageStreams: true,
  streamReplicas: 1,
  retention: { eventsMs: 3_600_000, followUpsMs: 3_600_000, deadLettersMs: 7_200_000 },
  maxPublishesInFlight: 1024,
  ackTimeoutMs: 5_000,
};

export async function openStore(
  options: Partial<StoreOptions> & Pick<StoreOptions, 'servers'>,
  clock: Clock = systemClock,
): Promise<OpenStore> {
  const reports: Report[] = [];
  const store = await Store.open(
    { ...usual, ...options },
    clock,
    recorder(reports),
    new AbortController().signal,
  );
  if (!store) throw new Error('the store was not opened');
  return { store, reports, [Symbol.asyncDispose]: () => store.close() };
}

/** Events that write down what they are told. */
export function recorder(reports: Report[]): StoreEvents {
  const record =
    (name: keyof StoreEvents) =>
    (...details: unknown[]): void => {
      reports.push([name, ...details]);
    };
  return {
    connected: record('connected'),
    connectFailed: record('connectFailed'),
    disconnected: record('disconnected'),
    reconnected: record('reconnected'),
    reconnectFailed: record('reconnectFailed'),
    staleFile: record('staleFile'),
    refused: record('refused'),
    publishTrouble: record('publishTrouble'),
    storeGate: record('storeGate'),
    storeReady: record('storeReady'),
    notStored: record('notStored'),
    streamCreated: record('streamCreated'),
    streamDiffers: record('streamDiffers'),
    windowRefused: record('windowRefused'),
    declareFailed: record('declareFailed'),
    duplicateAbsent: record('duplicateAbsent'),
    duplicateUnseen: record('duplicateUnseen'),
    jobQueueRunning: record('jobQueueRunning'),
    jobQueueFailed: record('jobQueueFailed'),
    jobFailed: record('jobFailed'),
    consumerMade: record('consumerMade'),
    consumerPaused: record('consumerPaused'),
    consumerResumed: record('consumerResumed'),
    permitsFailed: record('permitsFailed'),
    permitsSlowed: record('permitsSlowed'),
    permitsRestored: record('permitsRestored'),
  };
}
