import { MnsFailure } from './errors.js';
import { rootElement } from './xml-in.js';

/** The operations of the MNS queue API, as fault rules and request counts name them. */
export type MnsOperation =
  | 'CreateQueue'
  | 'SetQueueAttributes'
  | 'GetQueueAttributes'
  | 'ListQueue'
  | 'DeleteQueue'
  | 'Send'
  | 'BatchSend'
  | 'Receive'
  | 'BatchReceive'
  | 'Peek'
  | 'BatchPeek'
  | 'Delete'
  | 'BatchDelete'
  | 'ChangeVisibility';

/** The operation and resource of a request, read from its request line. */
export interface MnsCall {
  operation: MnsOperation;
  /** Empty for ListQueue. */
  queue: string;
  query: ReadonlyMap<string, string>;
}

/** Receipt handle and visibility timeout arrive in two spellings: the documented one and that of the SDKs. */
const anyCase = new Map([
  ['receipthandle', 'ReceiptHandle'],
  ['visibilitytimeout', 'VisibilityTimeout'],
]);

/**
 * Reads the operation from method and request target ("Queue APIs" of the reference); the body decides only
 * between a single and a batch send.
 * @throws MnsFailure InvalidRequestURL or InvalidQueryString.
 */
export function readCall(method: string, target: string, body: Buffer): MnsCall {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = readQuery(mark < 0 ? '' : target.slice(mark + 1));
  const [root, collection, encodedQueue = '', leaf, ...rest] = path.split('/');
  if (root !== '' || collection !== 'queues' || rest.length > 0) throw new MnsFailure('InvalidRequestURL');
  const queue = decode(encodedQueue, 'InvalidRequestURL');
  const call = (operation: MnsOperation): MnsCall => ({ operation, queue, query });
  if (queue === '') {
    if (method === 'GET' && leaf === undefined) return call('ListQueue');
  } else if (leaf === undefined) {
    if (method === 'PUT') return call(query.has('metaoverride') ? 'SetQueueAttributes' : 'CreateQueue');
    if (method === 'GET') return call('GetQueueAttributes');
    if (method === 'DELETE') return call('DeleteQueue');
  } else if (leaf === 'messages') {
    if (method === 'GET') return call(receiveOperation(query));
    if (method === 'POST')
      return call(rootElement(body.toString('utf8')) === 'Messages' ? 'BatchSend' : 'Send');
    if (method === 'PUT') return call('ChangeVisibility');
    if (method === 'DELETE')
      return call(!query.has('ReceiptHandle') && body.length > 0 ? 'BatchDelete' : 'Delete');
  }
  throw new MnsFailure('InvalidRequestURL');
}

function receiveOperation(query: ReadonlyMap<string, string>): MnsOperation {
  const isBatch = query.has('numOfMessages');
  if (query.get('peekonly') === 'true') return isBatch ? 'BatchPeek' : 'Peek';
  return isBatch ? 'BatchReceive' : 'Receive';
}

function readQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  if (text === '') return query;
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    // A plus sign is a blank, as in every form decoder: a client that sends a handle unencoded gets to feel
    // it.
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1).replaceAll('+', ' '), 'InvalidQueryString');
    query.set(anyCase.get(name.toLowerCase()) ?? name, value);
  }
  return query;
}

function decode(text: string, code: 'InvalidRequestURL' | 'InvalidQueryString'): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new MnsFailure(code);
  }
}
