import type { MnsError } from './mns-error.js';

/** What is called, as errors and metrics name it. */
export type Call = Pick<MnsError, 'operation' | 'queue'>;

const operations: Readonly<Record<string, string>> = {
  'GET Messages': 'BatchReceiveMessage',
  'GET Message': 'ReceiveMessage',
  'GET Queue': 'GetQueueAttributes',
  'DELETE Message': 'DeleteMessage',
  'DELETE Errors': 'BatchDeleteMessage',
  'PUT ChangeVisibility': 'ChangeMessageVisibility',
};

/** What the call is named in errors. The receipt handle in the resource is left out: who reads it may delete. */
export function describeCall(method: string, resource: string, type: string): Call {
  return {
    operation: operations[`${method} ${type}`] ?? `${method} ${type}`,
    queue: /^\/queues\/([^/?]+)/.exec(resource)?.[1] ?? '',
  };
}
