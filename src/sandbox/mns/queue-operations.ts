import type { MnsAnswer, MnsRequest } from './answer.js';
import { attributeLines, attributesFromXml, sameAttributes } from './attributes.js';
import { MnsFailure, numberInRange } from './errors.js';
import type { MnsQueue } from './queue.js';
import { parseRequestXml, type XmlElement } from './xml-in.js';
import { document, escapeText, line } from './xml-out.js';

const noContent: MnsAnswer = { status: 204, body: '' };

/** The queue of a request. */
export function requireQueue({ account, call }: MnsRequest): MnsQueue {
  const queue = account.find(call.queue);
  if (queue === undefined) throw new MnsFailure('QueueNotExist');
  return queue;
}

/** 201, or 204 for a queue that exists with the same attributes, or 409. */
export function createQueue({ account, call, body, baseUrl }: MnsRequest): MnsAnswer {
  const { queue: name } = call;
  if (name.length > 120) throw new MnsFailure('QueueNameLengthError');
  if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(name)) throw new MnsFailure('InvalidQueueName');
  const attributes = attributesFromXml(optionalXml(body));
  const existing = account.find(name);
  if (existing !== undefined && !sameAttributes(existing.attributes, attributes)) {
    throw new MnsFailure('QueueAlreadyExist');
  }
  if (existing === undefined) account.create(name, attributes);
  return {
    status: existing === undefined ? 201 : 204,
    headers: ['Location', `${baseUrl}/queues/${name}`],
    body: '',
  };
}

export function setQueueAttributes(request: MnsRequest): MnsAnswer {
  const queue = requireQueue(request);
  queue.setAttributes(attributesFromXml(optionalXml(request.body), queue.attributes));
  return noContent;
}

export function getQueueAttributes(request: MnsRequest): MnsAnswer {
  return { status: 200, body: document('Queue', attributeLines(1, requireQueue(request).facts())) };
}

/** Deletes the queue and everything in it; 204 also when there is none. */
export function deleteQueue({ account, call }: MnsRequest): MnsAnswer {
  account.delete(call.queue);
  return noContent;
}

/** One page of queues by name. The marker of the next page is its first queue. */
export function listQueue({ account, headers, baseUrl }: MnsRequest): MnsAnswer {
  const header = (name: string): string => String(headers[name] ?? '');
  const size = header('x-mns-ret-number');
  const limit = size === '' ? 1000 : numberInRange('x-mns-ret-number', size, 1, 1000);
  const prefix = header('x-mns-prefix');
  const marker = header('x-mns-marker');
  const isWithMeta = header('x-mns-with-meta').toLowerCase() === 'true';
  const found = account.list().filter(({ name }) => name.startsWith(prefix) && name >= marker);
  let lines = '';
  for (const queue of found.slice(0, limit)) {
    lines += `  <Queue>\n${line(2, 'QueueURL', escapeText(`${baseUrl}/queues/${queue.name}`))}`;
    lines += `${isWithMeta ? attributeLines(2, queue.facts()) : ''}  </Queue>\n`;
  }
  const next = found[limit];
  if (next !== undefined) lines += line(1, 'NextMarker', escapeText(next.name));
  return { status: 200, body: document('Queues', lines) };
}

function optionalXml(body: Buffer): XmlElement | undefined {
  return body.length === 0 ? undefined : parseRequestXml(body);
}
