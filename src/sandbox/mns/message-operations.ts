import type { Finish, MnsAnswer, MnsRequest } from './answer.js';
import { maximumVisibilitySeconds, maximumWaitSeconds } from './attributes.js';
import { MnsFailure, numberInRange, type MnsErrorCode } from './errors.js';
import { readDrafts, readHandles } from './message-in.js';
import { Message, messageLines } from './message.js';
import type { MnsQueue } from './queue.js';
import { requireQueue } from './queue-operations.js';
import { document, escapeText, line, type WireString } from './xml-out.js';

export function send(request: MnsRequest): MnsAnswer {
  const queue = requireQueue(request);
  const { isBatch, drafts } = readDrafts(request.body, queue.attributes.maximumMessageBytes);
  if (queue.attributes.type === 'fifo' && drafts.some(({ messageGroupId }) => !messageGroupId)) {
    throw new MnsFailure('FifoMissingMessageGroupId');
  }
  const lines = (depth: number, message: Message): WireString =>
    line(depth, 'MessageId', message.id) +
    line(depth, 'MessageBodyMD5', message.bodyMd5) +
    (message.state === 'delayed' ? line(depth, 'ReceiptHandle', message.handle) : '');
  return { status: 201, body: messageDocument(queue.send(drafts), isBatch, lines) };
}

/** Answers at once with what there is, or waits for a message, or 404 in the end. */
export function receive(request: MnsRequest, finish: Finish): void {
  const queue = requireQueue(request);
  const { account, call } = request;
  const { limit, isBatch } = batchSize(request);
  const waitSeconds = call.query.get('waitseconds');
  const waitMs =
    waitSeconds === undefined
      ? queue.attributes.pollingWaitMs
      : numberInRange('waitseconds', waitSeconds, 0, maximumWaitSeconds, ' seconds') * 1000;
  const end = (messages: readonly Message[]): void => {
    if (messages.length === 0) finish(new MnsFailure('MessageNotExist'));
    else finish({ status: 200, body: messageDocument(messages, isBatch, messageLines) });
  };
  const messages = queue.receive(limit);
  if (messages.length > 0 || waitMs === 0) {
    end(messages);
    return;
  }
  request.onDisconnect(queue.poll(limit, waitMs * (1 - account.pollShortening()), end));
}

export function peek(request: MnsRequest): MnsAnswer {
  const { limit, isBatch } = batchSize(request);
  const messages = requireQueue(request).peek(limit);
  if (messages.length === 0) throw new MnsFailure('MessageNotExist');
  const lines = (depth: number, message: Message): WireString => messageLines(depth, message, true);
  return { status: 200, body: messageDocument(messages, isBatch, lines) };
}

export function deleteMessage(request: MnsRequest): MnsAnswer {
  const queue = requireQueue(request);
  const message = messageOf(queue, request);
  if (request.fault?.kind !== 'lost-delete') queue.delete(message);
  return { status: 204, body: '' };
}

/** 204 when every message was deleted, else 404 with an entry for each that was not. */
export function batchDelete(request: MnsRequest): MnsAnswer {
  const queue = requireQueue(request);
  const handles = readHandles(request.body);
  const spared = sparedHandles(request, handles);
  let errors = '';
  for (const handle of handles) {
    const message = queue.find(handle);
    const problem: MnsErrorCode | undefined = message instanceof Message ? spared.get(handle) : message;
    if (problem !== undefined) errors += errorEntry(problem, handle);
    else if (message instanceof Message && request.fault?.kind !== 'lost-delete') queue.delete(message);
  }
  return errors === '' ? { status: 204, body: '' } : { status: 404, body: document('Errors', errors) };
}

export function changeVisibility(request: MnsRequest): MnsAnswer {
  const queue = requireQueue(request);
  const seconds = request.call.query.get('VisibilityTimeout');
  if (!request.call.query.has('ReceiptHandle')) throw new MnsFailure('MissingReceiptHandle');
  if (seconds === undefined) throw new MnsFailure('MissingVisibilityTimeout');
  const visibility = numberInRange('VisibilityTimeout', seconds, 1, maximumVisibilitySeconds, ' seconds');
  const message = messageOf(queue, request);
  queue.changeVisibility(message, visibility * 1000);
  const lines = line(1, 'ReceiptHandle', message.handle) + line(1, 'NextVisibleTime', message.wake.dueMs);
  return { status: 200, body: document('ChangeVisibility', lines) };
}

function batchSize({ call }: MnsRequest): { limit: number; isBatch: boolean } {
  const asked = call.query.get('numOfMessages');
  if (asked === undefined) return { limit: 1, isBatch: false };
  return { limit: numberInRange('numOfMessages', asked, 1, 16), isBatch: true };
}

/** The message whose handle is in the query. */
function messageOf(queue: MnsQueue, { call }: MnsRequest): Message {
  const handle = call.query.get('ReceiptHandle');
  if (handle === undefined) throw new MnsFailure('MissingReceiptHandle');
  const found = queue.find(handle);
  if (!(found instanceof Message)) throw new MnsFailure(found);
  return found;
}

/** A batch is `<Messages>`; a single message is the root itself. */
function messageDocument(
  messages: readonly Message[],
  isBatch: boolean,
  lines: (depth: number, message: Message) => WireString,
): WireString {
  const [first] = messages;
  if (!isBatch) return document('Message', first === undefined ? '' : lines(1, first));
  const parts = messages.map((message) => `  <Message>\n${lines(2, message)}  </Message>\n`);
  return document('Messages', parts.join(''));
}

function errorEntry(code: MnsErrorCode, handle: string): WireString {
  const { message } = new MnsFailure(code);
  const lines =
    line(2, 'ErrorCode', code) +
    line(2, 'ErrorMessage', escapeText(message)) +
    line(2, 'ReceiptHandle', escapeText(handle));
  return `  <Error>\n${lines}  </Error>\n`;
}

/**
 * The entries a `partial-delete` fault lets fail, each with its code: one by one by chance, and never none.
 */
function sparedHandles(
  { fault, account }: MnsRequest,
  handles: readonly string[],
): ReadonlyMap<string, MnsErrorCode> {
  const spared = new Map<string, MnsErrorCode>();
  if (fault?.kind !== 'partial-delete') return spared;
  const certain = Math.floor(account.random() * handles.length);
  handles.forEach((handle, index) => {
    if (index !== certain && account.random() < 0.5) return;
    spared.set(handle, fault.code ?? (account.random() < 0.5 ? 'InternalError' : 'MessageNotExist'));
  });
  return spared;
}
