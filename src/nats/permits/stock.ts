import { Empty, headers as createHeaders, type JetStreamManager, type NatsConnection } from 'nats';
import { apiErrors, isApiError } from '../error-codes.js';
import { readPubAck } from '../publish/pub-ack.js';
import { findStream } from '../streams/topology.js';

export interface PermitStock {
  connection: NatsConnection;
  manager: JetStreamManager;
  stream: string;
  /** The subject of one permit, or of all. */
  subjectOf: (permit: number | '*') => string;
  perSecond: number;
  /** Creates the stream, unless that is for someone else to do. */
  createStream: () => Promise<void>;
}

const publishWithinMs = 5_000;

/**
 * Makes sure that the stream holds the permits 1 to `perSecond`, one message each, and none beyond. Permits
 * are removed one by one: a purge by subject moves the place from which the consumer reads past permits that
 * are out.
 * @throws Error when NATS does not do as it is asked.
 */
export async function ensurePermits(stock: PermitStock): Promise<void> {
  const { manager, stream, subjectOf, perSecond } = stock;
  const filter = subjectOf('*');
  let found = await findStream(manager, stream, filter);
  if (!found) {
    await stock.createStream();
    found = await findStream(manager, stream, filter);
  }
  if (!found) throw new Error(`there is no stream ${stream}`);
  const present = new Set(Object.keys(found.state.subjects ?? {}));
  const wanted = Array.from({ length: perSecond }, (_, index) => subjectOf(index + 1));
  const missing = wanted.filter((each) => !present.has(each));
  const extra = [...present].filter((each) => !wanted.includes(each));
  for (const each of missing) await add(stock, each);
  for (const each of extra) await remove(stock, each);
}

/** Of replicas that add the same permit, one succeeds: another message would be another permit. */
async function add({ connection, stream }: PermitStock, subject: string): Promise<void> {
  const headers = createHeaders();
  headers.set('Nats-Expected-Stream', stream);
  headers.set('Nats-Expected-Last-Subject-Sequence', '0');
  const reply = await connection.request(subject, Empty, { headers, timeout: publishWithinMs });
  const answer = readPubAck(reply);
  if (answer.kind !== 'stored' && !answer.reason.includes(`(${apiErrors.streamWrongLastSequence})`))
    throw new Error(answer.reason);
}

async function remove({ manager, stream }: PermitStock, subject: string): Promise<void> {
  try {
    const { seq } = await manager.streams.getMessage(stream, { last_by_subj: subject });
    await manager.streams.deleteMessage(stream, seq, false);
  } catch (error) {
    // The last of these: another replica has deleted it.
    if (!isApiError(error, 'noMessageFound', 'sequenceNotFound', 'messageDeleteFailed')) throw error;
  }
}
