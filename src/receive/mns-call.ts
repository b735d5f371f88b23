import type { MnsError } from './mns-error.js';

/** The operation and its resource, as errors and metrics name them. */
export type Call = Pick<MnsError, 'operation' | 'queue'>;

const operations: Readonly<Record<string, string>> = {
  'GET Messages': 'BatchReceiveMessage',
  'GET Message': 'ReceiveMessage',
  'GET Queue': 'GetQueueAttributes',
  'DELETE Message': 'DeleteMessage',
  'DELETE Errors': 'BatchDeleteMessage',
  'PUT ChangeVisibility': 'ChangeMessageVisibility',
};

/**
 * The name of the call in errors. The receipt handle in the resource is left out: who reads it may delete.
 */
export function describeCall(method: string, resource: string, type: string): Call {
  return {
    operation: operations[`${method} ${type}`] ?? `${method} ${type}`,
    queue: /^\/queues\/([^/?]+)/.exec(resource)?.[1] ?? '',
  };
}
